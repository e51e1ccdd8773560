-- purpose: has the moves of a queue's tasks told on a channel, from now on and for a while
-- KEYS:    the queue's keys (common.lua)
-- ARGV:    channel, for how many ms from now
-- RETURNS: {0, 1 = they were told there all along: whoever said so in time has missed none}
-- FROM→TO: none
local channel, for_ms = ARGV[1], tonumber(ARGV[2])
lengths()
local now = clock_ms()
hear(call('HGET', META, 'events'), now)
call('HDEL', META, '')
call('HSET', META, 'events', string.format('%.0f %s', now + for_ms, channel))
return { 0, audience == channel and 1 or 0 }
