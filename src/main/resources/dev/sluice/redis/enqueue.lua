-- purpose: puts tasks at the end of the ready list, or aside until they are due, each id at most once while it lives
-- KEYS:    the queue's keys (common.lua), and, where results are kept, that of each id
-- ARGV:    max length of both lists (0 = that of the queue, if it has one), n, n ids, n frames,
--          (index, due) of those that are for later: due > 0 is a time in ms, due < 0 a delay in ms
-- RETURNS: {code, created, existing count, existing indexes..., full count, full indexes..., how many messages have told of
--          ends}; indexes from 1
--          code 0 done; 1 the queue is draining: what does not live there already was not taken, and stands among the full;
--          2 results are kept and no keys of them were given: nothing was done
-- FROM→TO: new→QUEUED, DEAD→QUEUED, new→SCHEDULED
local max_length, n = tonumber(ARGV[1]), tonumber(ARGV[2])
local size = lengths(true) -- META is read below
local words = call('HMGET', STATUS, unpack(ARGV, 3, n + 2))
local marks = size.cancelled > 0 and call('HMGET', CANCELLED, unpack(ARGV, 3, n + 2))
local awaited = size.late > 0 and call('ZMSCORE', LATE, unpack(ARGV, 3, n + 2))
local now = clock_ms()
local dues = {}
for i = 2 * n + 3, #ARGV, 2 do
  local due = tonumber(ARGV[i + 1])
  due = due < 0 and now - due or due
  if due > now then
    dues[tonumber(ARGV[i])] = due
  end
end
local meta = call('HMGET', META, 'delivery', 'draining', 'results', 'events', 'told', 'max-length', 'paused')
local at_most_once, draining = meta[1] == 'at-most-once', meta[2]
local limit_of_queue = tonumber(meta[6]) or 0
if limit_of_queue > 0 and (max_length == 0 or limit_of_queue < max_length) then
  max_length = limit_of_queue
end
-- What is cancelled lies there until it is dropped, and waits for nothing.
local room = max_length > 0 and max_length - math.max(0, size.plain + size.ready - size.cancelled) or n

-- A task of which a result is kept is not run again: its result is the answer.
local results = now < (tonumber(meta[3]) or 0) and keys_from(16)
if results and #results == 0 then
  return { 2, 0, 0, 0, 0 }
end
if results and call('EXISTS', unpack(results)) == 0 then
  results = false
end

hear(meta[4], now)
local seen, ids, fields, frames, existing, full = {}, {}, {}, {}, {}, {}
local bodies, times, first_due = {}, {}, math.huge
local outdated = {}
for i = 1, n do
  local id, word = ARGV[i + 2], words[i]
  -- Without a word a new task for now is met, and known as a double, where it is claimed; one for later is not.
  if seen[id] or ((word or dues[i]) and is_live(id, word, size, at_most_once)) or (results and word ~= 'dead' and call('EXISTS', results[i]) == 1) then
    existing[#existing + 1] = i
  elseif draining or (not dues[i] and #frames >= room) then
    full[#full + 1] = i
  else
    seen[id] = true
    outdated[#outdated + 1] = results and results[i] or nil
    ids[#ids + 1] = id
    local frame = ARGV[n + 2 + i]
    if awaited and awaited[i] then
      -- A status may yet come that was meant for an earlier life of this id: at the end of this one it is looked after, too.
      frame = (string.gsub(frame, '^\1c', '\1F'))
    end
    local epoch = marks and marks[i] and mark_of(id)
    if epoch then
      frame = stamp(frame, epoch) -- what was cancelled still lies in a list: this is another
    end
    fields[#fields + 1] = id
    if dues[i] then
      bodies[#bodies + 1] = id
      bodies[#bodies + 1] = frame
      times[#times + 1] = dues[i]
      times[#times + 1] = id
      first_due = math.min(first_due, dues[i])
      fields[#fields + 1] = 'scheduled'
      move(id, 'scheduled')
    else
      frames[#frames + 1] = frame
      fields[#fields + 1] = 'queued'
      move(id, 'queued')
    end
  end
end

if #ids > 0 then
  local earliest = #frames == 0 and next_due_ms()
  if #frames > 0 then
    call('RPUSH', READY, unpack(frames))
  end
  if #bodies > 0 then
    call('HSET', BODIES, unpack(bodies))
    call('ZADD', DELAYED, unpack(times))
  end
  call('HSET', STATUS, unpack(fields))
  if size.dead > 0 and call('ZREM', DEAD, unpack(ids)) > 0 then
    call('HDEL', DEAD_BODIES, unpack(ids))
  end
  if size.late > 0 then
    call('ZREM', LATE, unpack(ids))
  end
  if #outdated > 0 then
    pcall(call, 'DEL', unpack(outdated)) -- of a life before that which died: this one may leave none
  end
  if #frames > 0 or not earliest or first_due < earliest then
    ring_as(size.wake, meta[7], meta[1])
  end
  tell_moves(now)
end

local reply = { draining and 1 or 0, #ids, #existing, unpack(existing) }
reply[#reply + 1] = #full
for i = 1, #full do
  reply[#reply + 1] = full[i]
end
reply[#reply + 1] = tonumber(meta[5]) or 0
return reply
