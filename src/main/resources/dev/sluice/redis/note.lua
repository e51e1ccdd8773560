-- purpose: writes down which tasks an at-most-once dispatcher has taken and which of them have ended, once per number
-- KEYS:    the queue's keys (common.lua), the claimed hash of the incarnation
-- ARGV:    incarnation, number of this call;
--          t, t times (field, n, n ids): taken, and written into that field for whoever finds the dispatcher dead;
--          e, e times (field, n, n ids): ended, which stand in that field;
--          b, b ids: taken and ended since the last call;
--          r, r ids of those taken, and p, p ids of those that have ended as well, which any client may have pushed: each
--          replaces the dead letter of its id;
--          l, l ids of those ended whose status had not arrived when they were taken
-- RETURNS: {0, ids...} done: the status of these r had not arrived; {1} unknown, or marked by a recovery: nothing was done;
--          {2} an earlier call of this number, or of a larger one, did it
-- FROM→TO: QUEUED→PROCESSING, PROCESSING→SUCCEEDED, PROCESSING→DISCARDED
local incarnation, number = ARGV[1], tonumber(ARGV[2])

local at = 3
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
local last = tonumber(call('HGET', CLAIMED, 'last') or 0)
if lease == 0 then
  return { 1 }
elseif last and last >= number then
  return { 2 }
end

call('HLEN', STATUS)
local function without_status(ids, absent)
  local words = #ids > 0 and call('HMGET', STATUS, unpack(ids)) or {}
  for i = 1, #words do
    if not words[i] then
      absent[#absent + 1] = ids[i]
    end
  end
  return absent
end
local reply = without_status(pushed, { 0 })
without_status(pushed_and_ended, late)

-- Written longer than 64 bytes, because a hash whose values are all short is searched from its beginning to its end.
local record, words, over = { 'last', string.format('%065d', number) }, {}, {}
local function begin(id)
  words[#words + 1] = id
  words[#words + 1] = 'processing'
end
for i = 1, #taken do
  local field, ids = unpack(taken[i])
  record[#record + 1] = field
  record[#record + 1] = table.concat(ids, '\n') .. '\n'
  for k = 1, #ids do
    begin(ids[k])
  end
end
for i = 1, #both do
  begin(both[i])
end
for i = 1, #ended do
  local ids = ended[i][2]
  for k = 1, #ids do
    over[#over + 1] = ids[k]
  end
end

call('HDEL', META, '') -- the first write is one that a full Redis takes
local function end_all(ids)
  if #ids > 0 then
    call('HDEL', STATUS, unpack(ids))
  end
end
local function replace(ids)
  if #ids > 0 then
    pcall(call, 'ZREM', DEAD, unpack(ids))
    pcall(call, 'HDEL', DEAD_BODIES, unpack(ids))
  end
end
end_all(over)
if #words > 0 then
  call('HSET', STATUS, unpack(words))
end
end_all(both)
replace(pushed)
replace(pushed_and_ended)
if #late > 0 then
  watch(late, clock_ms())
end
strike(CLAIMED, ended)
call('HSET', CLAIMED, unpack(record))
return reply
