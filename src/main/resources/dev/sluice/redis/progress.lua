-- purpose: keeps how far tasks are, as their handlers say, while they run
-- KEYS:    the queue's keys (common.lua), the claimed hash of the incarnation
-- ARGV:    incarnation, n times (up to 256) token, percent and perhaps a blank and a text
-- RETURNS: {0, how many were kept: those that this incarnation holds}; {1} lapsed: nothing was done
-- FROM→TO: none
local incarnation = ARGV[1]
local lease = tonumber(call('ZSCORE', DISPATCHERS, incarnation) or 0)
local now = clock_ms()
call('HLEN', PROGRESS)
local tokens = {}
for i = 2, #ARGV, 2 do
  tokens[#tokens + 1] = ARGV[i]
end
hear(call('HGET', META, 'events'), now)
if lease <= 0 then
  return { 1 }
end

-- Who ends a task takes its report away in the same step, and its token: what comes later finds none. A full Redis takes no
-- reports: tasks run and end without them.
local held, fields = call('HMGET', CLAIMED, unpack(tokens)), {}
for i = 1, #tokens do
  local id, said = held[i], ARGV[1 + 2 * i]
  if id then
    fields[#fields + 1] = id
    fields[#fields + 1] = string.format('%.0f ', now) .. said
    move(id .. '\t' .. said, 'progress')
  end
end
if #fields > 0 then
  call('HSET', PROGRESS, unpack(fields))
end
tell_moves(now)
return { 0, #fields / 2 }
