-- purpose: reads one page of the dead letters, in the order of their deaths; at equal times in that of their ids
-- KEYS:    the queue's keys (common.lua)
-- ARGV:    from and until which time of death in ms (-inf, +inf; the first may be "now" for those whose time is yet to come,
--          the second may begin with a bracket, as ZCOUNT has it),
--          1 = newest first, at most this many,
--          1 = with their records; then, to go on, time and id of the last one of the page before, be it there or not
-- RETURNS: {0, time of the last death of all or '', 1 = more follow, the time in ms, id, time, record or '', id, time, record
--          or ''...}
-- FROM→TO: none
local from, till, newest_first, records = ARGV[1], ARGV[2], ARGV[3] == '1', ARGV[5] == '1'
local limit = math.min(tonumber(ARGV[4]), 256)
local now = clock_ms()
if from == 'now' then
  from = string.format('%.0f', now + 1)
end

local first, last = call('ZCOUNT', DEAD, '-inf', '(' .. from), call('ZCOUNT', DEAD, '-inf', till) - 1
if ARGV[6] then
  local rank, is_there = rank_of(DEAD, ARGV[6], ARGV[7])
  if newest_first then
    last = math.min(last, rank - 1)
  else
    first = math.max(first, is_there and rank + 1 or rank)
  end
end

local latest = call('ZRANGE', DEAD, -1, -1, 'WITHSCORES')[2] or ''
local reply = { 0, latest, 0, now }
if last < first then
  return reply
end
local page
if newest_first then
  local n = call('ZCARD', DEAD) - 1
  page = call('ZREVRANGE', DEAD, n - last, n - math.max(first, last - limit + 1), 'WITHSCORES')
else
  page = call('ZRANGE', DEAD, first, math.min(last, first + limit - 1), 'WITHSCORES')
end
local ids = {}
for i = 1, #page, 2 do
  ids[#ids + 1] = page[i]
end
local n = records and fitting(DEAD_BODIES, ids) or #ids
local kept = records and call('HMGET', DEAD_BODIES, unpack(ids, 1, n)) or {}
for i = 1, n do
  local at = #reply
  reply[at + 1], reply[at + 2], reply[at + 3] = ids[i], page[2 * i], kept[i] or ''
end
reply[3] = n < last - first + 1 and 1 or 0
return reply
