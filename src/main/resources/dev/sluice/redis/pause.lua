-- purpose: pauses a queue, so that nothing is taken from it any more, or resumes it
-- KEYS:    the queue's keys (common.lua)
-- ARGV:    1 = pause, 0 = resume
-- RETURNS: {0, 1 = this call changed it}
-- FROM→TO: none
lengths()
local was_paused = call('HEXISTS', META, 'paused') == 1
call('HDEL', META, '')
if ARGV[1] == '1' then
  call('HSET', META, 'paused', '1')
  return { 0, was_paused and 0 or 1 }
end
call('HDEL', META, 'paused')
ring() -- even without work: whoever hears it asks when the next task is due
return { 0, was_paused and 1 or 0 }
