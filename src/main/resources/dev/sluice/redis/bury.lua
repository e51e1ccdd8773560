-- purpose: keeps tasks that an at-most-once dispatcher has popped, once, however often it has to ask for it: those that
--          failed as dead letters, those that never ran at the head of the queue
-- KEYS:    the queue's keys (common.lua), the number of the last burial of this dispatcher, its claimed hash
-- ARGV:    number of this burial, how long that number is kept in ms, n, n times (id, frame, failure as one line of JSON, or
--          empty = it goes back, 1 = its producer's status may yet come, the field of the claimed hash where it stands)
-- RETURNS: {0, 1 = this call did it, 0 = an earlier one with this number had}
-- FROM→TO: PROCESSING→DEAD, PROCESSING→QUEUED
local BURIED, HOLDS = unpack(KEYS, 16)
local number, keep_ms, n = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
lengths()
call('HLEN', HOLDS)
local last = call('GET', BURIED) or '0'
if tonumber(last) >= number then
  return { 0, 0 } -- what was redriven or purged since then must not be dead again
end
local now, awaited, back, gone, gone_of = clock_ms(), {}, {}, {}, {}
call('HDEL', META, '')
-- Rights are looked at per command. The new number comes when all is done, by a command that was allowed here: what is refused
-- on the way is done again. Of that only a push would do it twice, and behind that nothing is refused.
call('SET', BURIED, last, 'PX', keep_ms)
for i = 1, n do
  local at = 4 + (i - 1) * 5
  if ARGV[at + 2] == '' then
    call('HSET', STATUS, ARGV[at], 'queued')
    table.insert(back, 1, ARGV[at + 1]) -- the first comes to the very head
  else
    bury(ARGV[at], ARGV[at + 1], ARGV[at + 2], now)
    if ARGV[at + 3] == '1' then
      awaited[#awaited + 1] = ARGV[at]
    end
  end
  local field = ARGV[at + 4]
  if not gone_of[field] then
    gone_of[field] = {}
    gone[#gone + 1] = { field, gone_of[field] }
  end
  table.insert(gone_of[field], ARGV[at])
end
-- In the same step: who takes it next must not lose its word with this dispatcher.
strike(HOLDS, gone)
if #awaited > 0 then
  watch(awaited, now)
end
if #back > 0 then
  call('LPUSH', READY, unpack(back))
end
call('SET', BURIED, string.format('%.0f', number), 'PX', keep_ms)
return { 0, 1 }
