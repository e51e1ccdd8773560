-- purpose: keeps tasks that an at-most-once dispatcher has popped, once, however often it has to ask for it: those that
--          failed as dead letters, those that never ran at the head of the queue
-- KEYS:    the queue's keys (common.lua), the number of the last burial of this dispatcher
-- ARGV:    number of this burial, how long that number is kept in ms, n, n times (id, frame, failure as one line of JSON, or
--          empty = it goes back, 1 = its producer's status may yet come)
-- RETURNS: {0, 1 = this call did it, 0 = an earlier one with this number had}
-- FROM→TO: PROCESSING→DEAD, PROCESSING→QUEUED
local BURIED = CLAIMED -- the last key, which for this verb is another
local number, keep_ms, n = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
lengths()
if tonumber(call('GET', BURIED) or 0) >= number then
  return { 0, 0 } -- what was redriven or purged since then must not be dead again
end
local now, awaited, back = clock_ms(), {}, {}
call('HDEL', META, '')
call('SET', BURIED, string.format('%.0f', number), 'PX', keep_ms)
for i = 1, n do
  local at = 4 + (i - 1) * 4
  if ARGV[at + 2] == '' then
    back[#back + 1] = at
  else
    bury(ARGV[at], ARGV[at + 1], ARGV[at + 2], now)
    if ARGV[at + 3] == '1' then
      awaited[#awaited + 1] = ARGV[at]
    end
  end
end
for i = #back, 1, -1 do -- the first comes to the very head
  call('HSET', STATUS, ARGV[back[i]], 'queued')
  call('LPUSH', READY, ARGV[back[i] + 1])
end
if #awaited > 0 then
  watch(awaited, now)
end
return { 0, 1 }
