-- purpose: puts tasks at the end of the ready list, each id at most once while it lives
-- KEYS:    the queue's keys (common.lua)
-- ARGV:    max length of both lists (0 = no limit), n, n ids, n frames
-- RETURNS: {0, created, existing count, existing indexes..., full count, full indexes...}; indexes from 1
-- FROM→TO: new→QUEUED, DEAD→QUEUED
local max_length, n = tonumber(ARGV[1]), tonumber(ARGV[2])
local size = lengths()
local words = call('HMGET', STATUS, unpack(ARGV, 3, n + 2))
local room = n
if max_length > 0 then
  room = max_length - size.plain - size.ready
end
local waiting = size.plain + size.ready + size.suspects
local at_most_once = call('HGET', META, 'delivery') == 'at-most-once'

-- The word in the status hash is a projection: where a proof is to be had, the proof decides. "queued" is believed only
-- while something waits, and not of a task that ended just before its producer's status came.
local function lives(id, word)
  if word == 'queued' and waiting > 0 and not (size.late > 0 and call('ZSCORE', LATE, id)) then
    return true
  elseif at_most_once then
    return word ~= 'queued' and word ~= 'dead'
  end
  return call('HEXISTS', BODIES, id) == 1
end

local seen, ids, fields, frames, existing, full = {}, {}, {}, {}, {}, {}
for i = 1, n do
  local id, word = ARGV[i + 2], words[i]
  if seen[id] or (word and lives(id, word)) then
    existing[#existing + 1] = i
  elseif #frames >= room then
    full[#full + 1] = i
  else
    seen[id] = true
    ids[#ids + 1] = id
    frames[#frames + 1] = ARGV[n + 2 + i]
    fields[#fields + 1] = id
    fields[#fields + 1] = 'queued'
  end
end

-- A status may yet come that was meant for an earlier life of an id: at the end of this one it is looked after, too.
if size.late > 0 and #frames > 0 then
  local awaited = call('ZMSCORE', LATE, unpack(ids))
  for i = 1, #frames do
    if awaited[i] then
      frames[i] = (string.gsub(frames[i], '^\1c', '\1F'))
    end
  end
end

if #frames > 0 then
  call('RPUSH', READY, unpack(frames))
  call('HSET', STATUS, unpack(fields))
  if size.dead > 0 and call('ZREM', DEAD, unpack(ids)) > 0 then
    call('HDEL', DEAD_BODIES, unpack(ids))
  end
  if size.late > 0 then
    call('ZREM', LATE, unpack(ids))
  end
  ring()
end

local reply = { 0, #frames, #existing, unpack(existing) }
reply[#reply + 1] = #full
for i = 1, #full do
  reply[#reply + 1] = full[i]
end
return reply
