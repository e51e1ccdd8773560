-- purpose: writes down which tasks an at-most-once dispatcher has taken and which of them have ended, once per number
-- KEYS:    the queue's keys (common.lua), the claimed hash of the incarnation
-- ARGV:    incarnation, number of this call, that of the one before under this name, or 0;
--          t, t times (field, n, n ids): taken, and written into that field for whoever finds the dispatcher dead;
--          e, e times (field, n, n ids): ended, which stand in that field;
--          b, b ids: taken and ended since the last call, so that no word of a dispatcher is theirs;
--          r, r ids of those taken, and p, p ids of those that have ended as well, which any client may have pushed: each
--          replaces the dead letter of its id;
--          l, l ids of those ended whose status had not arrived when they were taken
-- RETURNS: {0, ids...} done: the status of these r had not arrived; {1} unknown, marked by a recovery, or what is written of
--          it is not what it wrote last, for Redis went back in time: nothing was done; {2} an earlier sending did it
-- FROM→TO: QUEUED→PROCESSING, PROCESSING→SUCCEEDED, PROCESSING→DISCARDED
local incarnation, number, previous = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])

local at = 4
local function ids_here()
  local first = at + 1
  at = first + tonumber(ARGV[at])
  return { unpack(ARGV, first, at - 1) }
end

local function fields_here()
  local fields, n = {}, tonumber(ARGV[at])
  at = at + 1
  for i = 1, n do
    local field = ARGV[at]
    at = at + 1
    fields[i] = { field, ids_here() }
  end
  return fields
end

local taken, ended, both, pushed, pushed_and_ended, late =
  fields_here(), fields_here(), ids_here(), ids_here(), ids_here(), ids_here()

-- Only what is written here: it is to be written though another key is of a foreign type.
call('HLEN', META)
call('ZCARD', LATE)
local lease = tonumber(call('ZSCORE', DISPATCHERS, incarnation) or 0)
local last = tonumber(call('HGET', CLAIMED, 'last') or 0) or 0
if last >= number then
  return { 2 }
elseif lease <= 0 or last ~= previous then
  return { 1 }
end

call('HLEN', STATUS)
local function those_of(ids, word, those)
  local words = #ids > 0 and call('HMGET', STATUS, unpack(ids)) or {}
  for i = 1, #words do
    if words[i] == word then
      those[#those + 1] = ids[i]
    end
  end
  return those
end
local reply = those_of(pushed, false, { 0 })
those_of(pushed_and_ended, false, late)

-- Written longer than 64 bytes, because a hash whose values are all short is searched from its beginning to its end.
local record, words = { 'last', string.format('%065d', number) }, {}
for i = 1, #taken do
  local field, ids = unpack(taken[i])
  record[#record + 1] = field
  record[#record + 1] = table.concat(ids, '\n') .. '\n'
  for k = 1, #ids do
    words[#words + 1] = ids[k]
    words[#words + 1] = 'processing'
  end
end
-- Of what has ended the first words are still there, unless it was slow to be told: then another may have the id by now.
local over = those_of(pushed_and_ended, 'dead', those_of(both, 'queued', {}))
for i = 1, #ended do
  local ids = ended[i][2]
  for k = 1, #ids do
    over[#over + 1] = ids[k]
  end
end

call('HDEL', META, '') -- the first write is one that a full Redis takes
local function replace(ids)
  if #ids > 0 then
    pcall(call, 'ZREM', DEAD, unpack(ids))
    pcall(call, 'HDEL', DEAD_BODIES, unpack(ids))
  end
end
if #over > 0 then
  call('HDEL', STATUS, unpack(over))
end
if #words > 0 then
  call('HSET', STATUS, unpack(words))
end
replace(pushed)
replace(pushed_and_ended)
if #late > 0 then
  watch(late, clock_ms())
end
strike(CLAIMED, ended)
call('HSET', CLAIMED, unpack(record))
return reply
