-- purpose: counts a queue's tasks, all at one instant, and says what is closed
-- KEYS:    the queue's keys (common.lua)
-- ARGV:    none
-- RETURNS: {elements in the lists, ids of which some are cancelled and will be dropped, delayed, bodies, dead letters,
--          dispatchers alive, 1 = paused, 1 = draining, foreign tasks pushed since the drain began}
-- FROM→TO: none
local plain, dead_letters = call('LLEN', PLAIN), call('ZCARD', DEAD)
local listed = plain + call('LLEN', READY) + call('LLEN', SUSPECTS)
local meta = call('HMGET', META, 'paused', 'draining', 'drained-foreign')
local pushed = meta[2] and (tonumber(meta[3]) or 0) + plain - meta[2] or 0
return {
  listed, call('HLEN', CANCELLED), call('ZCARD', DELAYED), call('HLEN', BODIES), dead_letters,
  call('ZCOUNT', DISPATCHERS, '(' .. clock_ms(), '+inf'), meta[1] and 1 or 0, meta[2] and 1 or 0, math.max(0, pushed),
}
