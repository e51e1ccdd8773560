-- purpose: puts dead letters back at the end of the ready list, in the order of the ids, as if they had never failed
-- KEYS:    the queue's keys (common.lua)
-- ARGV:    n, n ids (up to 256), for each the time of the death that is meant, in ms ('' = whenever it died)
-- RETURNS: {0, how many of the ids this call looked at (the first ones, about a megabyte of them), for each of these a code}
--          0 redriven, 1 the id lives and nothing was changed, 2 there is no such dead letter, 3 its record cannot be read,
--          4 the id lives and the death that was meant is no more
-- FROM→TO: DEAD→QUEUED
local ids = { unpack(ARGV, 2, ARGV[1] + 1) }
local size = lengths()
local meta = call('HMGET', META, 'delivery', 'events')
local at_most_once = meta[1] == 'at-most-once'
local n = fitting(DEAD_BODIES, ids)
local times = call('ZMSCORE', DEAD, unpack(ids, 1, n))
local words = call('HMGET', STATUS, unpack(ids, 1, n))
local records = call('HMGET', DEAD_BODIES, unpack(ids, 1, n))

-- The frame without its failures: no attempts and no crashes. Claims stay, so that fencing numbers go on growing; where
-- nobody counted them there was at least the one that failed.
local function fresh(id, record)
  local line = record and string.find(record, '\n', 1, true)
  local frame = line and string.sub(record, line + 1)
  local origin, counters, named, at = string.match(frame or '', HEADER)
  local line_end = at and string.find(frame, '\n', at, true)
  if named ~= id or not line_end then
    return nil
  end
  local anew = counters == '' and '0,0,1' or string.gsub(counters, '^%d+,%d+', '0,0')
  return '\1' .. origin .. anew .. ' ' .. id .. string.sub(frame, line_end)
end

local reply, back, frames, fields, seen = { 0, n }, {}, {}, {}, {}
for i = 1, n do
  local id, code = ids[i], 0
  local meant = ARGV[#ids + 1 + i]
  local is_there = times[i] and (meant == '' or tonumber(times[i]) == tonumber(meant))
  if seen[id] or is_live(id, words[i], size, at_most_once) then
    code = (is_there or meant == '') and 1 or 4
  elseif not is_there then
    code = 2
  else
    local frame = fresh(id, records[i])
    if frame then
      local epoch = size.cancelled > 0 and mark_of(id)
      frame = epoch and stamp(frame, epoch) or frame
      seen[id] = true
      back[#back + 1], frames[#frames + 1] = id, frame
      fields[#fields + 1] = id
      fields[#fields + 1] = 'queued'
    else
      code = 3
    end
  end
  reply[i + 2] = code
end

if #back > 0 then
  local now = clock_ms()
  hear(meta[2], now)
  call('HDEL', META, '') -- the first write is one that a full Redis takes (R5); and what goes back is there before it is gone here
  call('RPUSH', READY, unpack(frames))
  call('HSET', STATUS, unpack(fields))
  call('ZREM', DEAD, unpack(back))
  call('HDEL', DEAD_BODIES, unpack(back))
  if size.late > 0 then
    call('ZREM', LATE, unpack(back)) -- they live: their "queued" is no late one
  end
  ring()
  move_all(back, #back, 'queued')
  tell_moves(now)
end
return reply
