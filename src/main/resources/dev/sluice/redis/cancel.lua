-- purpose: cancels one task by its id, wherever it is, without searching a list
-- KEYS:    the queue's keys (common.lua)
-- ARGV:    id, channel to tell dispatchers on, most marks, channel of ends
-- RETURNS: {0} nothing of this id lives; {1} cancelled: it will not run; {2} it runs: its owner is told to stop it;
--          {3} it is a dead letter: nothing was done; {4} too many cancelled tasks wait in lists: nothing was done
-- FROM→TO: QUEUED→CANCELLED, SCHEDULED→CANCELLED, RETRYING→CANCELLED
local id, channel, most_marks, ends = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local size = lengths()
local word = call('HGET', STATUS, id)
local frame = call('HGET', BODIES, id)
local now = clock_ms()
hear(call('HGET', META, 'events'), now)

-- What waited will not run: its awaiters and whoever listens are told.
local function tell_cancelled()
  tell_ended(ends, { 'cancelled ' .. id })
  move(id, 'cancelled')
  tell_moves(now)
end

if frame and call('ZSCORE', DELAYED, id) then
  call('ZREM', DELAYED, id)
  call('HDEL', BODIES, id)
  call('HDEL', STATUS, id)
  if string.sub(frame, 2, 2) == 'F' then
    watch({ id }, now)
  end
  tell_cancelled()
  return { 1 }
end

-- Only its owner, its recovery or a settle ends it (R14). The message is a hint: who misses it hears with its heartbeat.
if frame then
  call('HDEL', META, '')
  call('SADD', CANCELLING, id)
  pcall(call, 'PUBLISH', channel, id)
  return { 2 }
end

-- The word decides here, as it does for an enqueue: whether a list holds an id cannot be known without walking it.
local waiting = size.plain + size.ready + size.suspects
if word == 'queued' and waiting > 0 and not call('ZSCORE', LATE, id) then
  local marked, copies = mark_of(id)
  if not marked and size.cancelled >= most_marks then
    return { 4 }
  end
  -- The mark before the word: rights are looked at per command, and of a task whose word alone is gone nothing says that it
  -- will run. The very first write is one that a full Redis takes.
  call('HDEL', META, '')
  call('HSET', CANCELLED, id, string.format('%.0f,%d', next_epoch(now), (copies or 0) + 1))
  unsay(id, size)
  tell_cancelled()
  return { 1 }
end
return { word == 'dead' and 3 or 0 }
