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

-- The word in the status hash is a projection: where a proof is to be had, the proof decides.
local function lives(id, word)
  if word == 'dead' then
    return false
  elseif word == 'queued' and waiting > 0 then
    return true
  end
  return at_most_once and word ~= 'queued' or call('HEXISTS', BODIES, id) == 1
end

local seen, fields, frames, existing, full, reborn = {}, {}, {}, {}, {}, {}
for i = 1, n do
  local id, word = ARGV[i + 2], words[i]
  if seen[id] or (word and lives(id, word)) then
    existing[#existing + 1] = i
  elseif #frames >= room then
    full[#full + 1] = i
  else
    seen[id] = true
    frames[#frames + 1] = ARGV[n + 2 + i]
    fields[#fields + 1] = id
    fields[#fields + 1] = 'queued'
    if word then
      reborn[#reborn + 1] = id
    end
  end
end

if #frames > 0 then
  call('RPUSH', READY, unpack(frames))
  call('HSET', STATUS, unpack(fields))
  if #reborn > 0 then
    call('ZREM', DEAD, unpack(reborn))
    call('HDEL', DEAD_BODIES, unpack(reborn))
  end
  if size.late > 0 then
    for i = 1, #fields, 2 do
      call('ZREM', LATE, fields[i])
    end
  end
  ring()
end

local reply = { 0, #frames, #existing, unpack(existing) }
reply[#reply + 1] = #full
for i = 1, #full do
  reply[#reply + 1] = full[i]
end
return reply
