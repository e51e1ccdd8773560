-- purpose: pauses a queue, so that nothing is taken from it any more; or drains it, so that it takes no new task from our
--          producers and gives away what it has; or resumes it, which ends both
-- KEYS:    the queue's keys (common.lua)
-- ARGV:    1 = pause, 2 = drain, 0 = resume
-- RETURNS: {0, 1 = this call changed it}
-- FROM→TO: none
local wanted = ARGV[1]
local size = lengths()
local meta = call('HMGET', META, 'paused', 'draining')
local paused, draining = meta[1], meta[2]
call('HDEL', META, '')
if wanted == '1' then
  call('HSET', META, 'paused', '1')
  return { 0, paused and 0 or 1 }
end
call('HDEL', META, 'paused')
ring() -- even without work: whoever hears it asks when the next task is due
if wanted == '0' then
  call('HDEL', META, 'draining', 'drained-foreign')
  return { 0, (paused or draining) and 1 or 0 }
end
if not draining then
  call('HSET', META, 'draining', size.plain, 'drained-foreign', 0)
end
return { 0, (paused or not draining) and 1 or 0 }
