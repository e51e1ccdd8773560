-- purpose: reads the schedules of a queue: all of them in no order or by their due times, one of them, or those that are due
-- KEYS:    the queue's keys (common.lua), the schedules' records, due times and bodies
-- ARGV:    'due', how many of the due to leave out, how many to read; or 'all', a cursor, how many about; or 'one', a name;
--          or 'page', '', at most how many; and to go on, due time and name of the last one of the page before, be it there or
--          not, in place of the '' and behind the rest
-- RETURNS: {time in ms, for 'due' the ms until the next one behind these or -1, for 'all' the next cursor ('0' = the end),
--          for 'page' 1 = more follow, for each name, record or '', due time ('inf' = never) or '', 1 = it has a body}
-- FROM→TO: none
local SCHEDULES, SCHEDULES_DUE, SCHEDULES_BODIES = unpack(KEYS, 16)
local what, from, limit = ARGV[1], ARGV[2], tonumber(ARGV[3])
local now = clock_ms()
local names, following = {}, '0'
if what == 'due' and call('HGET', META, 'draining') then
  following = -1 -- what is due stays so
elseif what == 'due' then
  names = call('ZRANGEBYSCORE', SCHEDULES_DUE, '-inf', now, 'LIMIT', from, limit)
  local behind = call('ZRANGE', SCHEDULES_DUE, from + #names, from + #names, 'WITHSCORES')[2]
  following = ms_until(behind, now)
elseif what == 'one' then
  names[1] = from
elseif what == 'page' then
  local first, is_there = 0, false
  if ARGV[4] then
    first, is_there = rank_of(SCHEDULES_DUE, from, ARGV[4])
    first = is_there and first + 1 or first
  end
  names = call('ZRANGE', SCHEDULES_DUE, first, first + math.min(limit, 256) - 1)
  for i = #names, fitting(SCHEDULES, names) + 1, -1 do
    names[i] = nil
  end
  following = first + #names < call('ZCARD', SCHEDULES_DUE) and 1 or 0
else
  local page = call('HSCAN', SCHEDULES, from, 'COUNT', limit)
  following = page[1]
  for i = 1, #page[2], 2 do
    names[#names + 1] = page[2][i]
  end
end

local reply = { now, following }
for i = 1, #names do
  local name = names[i]
  reply[#reply + 1] = name
  reply[#reply + 1] = call('HGET', SCHEDULES, name) or ''
  reply[#reply + 1] = call('ZSCORE', SCHEDULES_DUE, name) or ''
  reply[#reply + 1] = call('HEXISTS', SCHEDULES_BODIES, name)
end
return reply
