-- purpose: has the moves of a queue's tasks told on a channel, from now on and for a while
-- KEYS:    the queue's keys (common.lua)
-- ARGV:    channel, for how many ms from now
-- RETURNS: {0, since when in ms they are told there without a break: whoever is answered another time has missed some}
-- FROM→TO: none
local channel, for_ms = ARGV[1], tonumber(ARGV[2])
lengths()
local now = clock_ms()
local since = hear(call('HGET', META, 'events'), now)
if not since or audience ~= channel then
  since = now
end
call('HDEL', META, '')
call('HSET', META, 'events', string.format('%.0f %.0f %s', now + for_ms, since, channel))
return { 0, since }
