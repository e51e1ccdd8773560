-- purpose: keeps failed tasks of an at-most-once queue as dead letters, once, however often a dispatcher has to ask for it
-- KEYS:    the queue's keys (common.lua), the number of the last burial of this dispatcher
-- ARGV:    number of this burial, how long that number is kept in ms, n, n times (id, frame, failure as one line of JSON,
--          1 = its producer's status may yet come)
-- RETURNS: {0, 1 = this call did it, 0 = an earlier one with this number had}
-- FROM→TO: PROCESSING→DEAD
local BURIED = CLAIMED -- the last key, which for this verb is another
local number, keep_ms, n = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
lengths()
if tonumber(call('GET', BURIED) or 0) >= number then
  return { 0, 0 } -- what was redriven or purged since then must not be dead again
end
local now, awaited = clock_ms(), {}
call('HDEL', META, '')
call('SET', BURIED, string.format('%.0f', number), 'PX', keep_ms)
for i = 1, n do
  local at = 4 + (i - 1) * 4
  bury(ARGV[at], ARGV[at + 1], ARGV[at + 2], now)
  if ARGV[at + 3] == '1' then
    awaited[#awaited + 1] = ARGV[at]
  end
end
if #awaited > 0 then
  watch(awaited, now)
end
return { 0, 1 }
