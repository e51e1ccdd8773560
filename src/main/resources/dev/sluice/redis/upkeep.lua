-- purpose: the clock-driven chores of a queue, each bounded: promote what is due, forgive leases that lapsed while
--          Redis was away, remove statuses that arrived after their task had ended and marks of cancelled tasks that
--          are nowhere, ring for forgotten work
-- KEYS:    the queue's keys (common.lua), the due times of its schedules
-- ARGV:    lease in ms, elements per chore, crash limit, cursor of the status sweep, how many may wait (0 = no limit)
-- RETURNS: {0, ms until the next lease ends or -1, 1 = call again at once, cursor of the status sweep, removed statuses,
--          ms until the first schedule fires or -1 (0 = they cannot be read), how many wait beyond that limit, how many
--          wait or -1 if none runs either, the time in ms, lapsed incarnations...}
-- FROM→TO: SCHEDULED→QUEUED, RETRYING→QUEUED
local lease_ms, limit, crash_limit, cursor = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local max_length = tonumber(ARGV[5])
local SCHEDULES_DUE = unpack(KEYS, 16)
local LATE_CHECKS_MS = { 4000, 15000, 60000 }

local size = lengths()
local readable, first = pcall(call, 'ZRANGE', SCHEDULES_DUE, 0, 0, 'WITHSCORES') -- schedules are not to stop the rest
local meta = call('HMGET', META, 'seen', 'lease', 'events', 'max-length', 'shortest')
local now = clock_ms()
local longest = math.max(lease_ms, tonumber(meta[2]) or 0)
local more, removed = 0, 0

call('HDEL', META, '')
forgive(now, math.min(lease_ms, tonumber(meta[5]) or lease_ms), longest, tonumber(meta[1]) or 0)
-- Due now fires nothing that is not due: a tick is counted from the time that it is.
if readable and call('HEXISTS', META, 'set-back') == 1 then
  local wrong = call('ZRANGEBYSCORE', SCHEDULES_DUE, '(' .. now, '(inf')
  for i = 1, #wrong do
    call('ZADD', SCHEDULES_DUE, 'XX', now, wrong[i])
  end
  call('HDEL', META, 'set-back')
  first = call('ZRANGE', SCHEDULES_DUE, 0, 0, 'WITHSCORES')
end
local ahead = call('ZRANGEBYSCORE', DISPATCHERS, '(' .. (now + 2 * longest), '+inf', 'LIMIT', 0, limit)
for i = 1, #ahead do
  call('ZADD', DISPATCHERS, 'XX', now + longest, ahead[i])
end

-- For those who enqueue: the limit that whoever works on the queue has set.
if max_length == 0 and meta[4] then
  call('HDEL', META, 'max-length')
elseif max_length > 0 and meta[4] ~= ARGV[5] then
  call('HSET', META, 'max-length', ARGV[5])
end

-- Once nobody is left with a longer lease than this one, that is the longest: who has one beats before it comes down to this.
if longest > lease_ms then
  local latest = call('ZREVRANGE', DISPATCHERS, 0, 0, 'WITHSCORES')[2]
  if latest and tonumber(latest) <= now + lease_ms then
    call('HSET', META, 'lease', lease_ms)
  end
end

hear(meta[3], now)
promote(now, limit, crash_limit)
tell_moves(now)

-- A "queued" of a task that is in no body and that we ended: it died, or it is nowhere.
local function correct(id)
  if call('HEXISTS', BODIES, id) == 1 then
    return
  elseif size.dead > 0 and call('ZSCORE', DEAD, id) then
    call('HSET', STATUS, id, 'dead')
  else
    removed = removed + call('HDEL', STATUS, id)
  end
end

-- A foreign producer pushes first and writes its status second: what it wrote after our settle goes.
-- The score is 8 times the time of the next look plus how many looks there were.
local late = call('ZRANGEBYSCORE', LATE, '-inf', now * 8 + 7, 'LIMIT', 0, limit, 'WITHSCORES')
for i = 1, #late, 2 do
  local id, looks = late[i], tonumber(late[i + 1]) % 8
  local word = call('HGET', STATUS, id)
  if (not word or word == 'dead') and LATE_CHECKS_MS[looks + 1] then
    call('ZADD', LATE, (now + LATE_CHECKS_MS[looks + 1]) * 8 + looks + 1, id)
  else
    call('ZREM', LATE, id)
    if word == 'queued' then
      correct(id)
    end
  end
end

-- With every list empty a task that is only "queued" is nowhere. Where one page has such the next follows at once; else one
-- comes with each round, for the words of those that run, or of other programs, stay, and would be walked through for ever.
local waiting = call('LLEN', PLAIN) + call('LLEN', READY) + call('LLEN', SUSPECTS)
if waiting == 0 and (cursor ~= '0' or call('HLEN', STATUS) > call('HLEN', BODIES) + size.dead) then
  local page, before = call('HSCAN', STATUS, cursor, 'COUNT', limit), removed
  cursor = page[1]
  for i = 1, #page[2], 2 do
    if page[2][i + 1] == 'queued' then
      correct(page[2][i])
    end
  end
  more = cursor ~= '0' and removed > before and 1 or 0
elseif waiting == 0 then
  cursor = '0'
end
if removed > 0 then
  pcall(call, 'HINCRBY', META, 'late-statuses', removed) -- what is no number must not stop the rest
end
if waiting > 0 then
  ring()
end

-- Who is told to stop runs; a request that outlived its task would stop the next one of that id.
if size.cancelling > 0 then
  local asked = call('SRANDMEMBER', CANCELLING, limit)
  for i = 1, #asked do
    if call('HEXISTS', BODIES, asked[i]) == 0 or call('ZSCORE', DELAYED, asked[i]) then
      call('SREM', CANCELLING, asked[i])
    end
  end
end

-- With every list empty nothing is left to be dropped: what was marked went another way. Picked at random, for a scan that
-- begins anew each time stops in front of what is left as soon as the first buckets are empty.
if waiting == 0 and size.cancelled > 0 then
  call('HDEL', CANCELLED, unpack(call('HRANDFIELD', CANCELLED, limit)))
  if size.cancelled > limit then
    more = 1
  end
end

local due = next_due_ms()
if #late == 2 * limit or (due and due <= now) then
  more = 1
end
local next_end = call('ZRANGEBYSCORE', DISPATCHERS, '(' .. now, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
local until_tick = readable and ms_until(first[2], now) or 0
local reply = { 0, next_end and tonumber(next_end) - now or -1, more, cursor, removed, until_tick,
  max_length > 0 and math.max(0, size.plain + size.ready - size.cancelled - max_length) or 0,
  waiting == 0 and size.bodies <= size.delayed and -1 or waiting, now }
local lapsed = call('ZRANGEBYSCORE', DISPATCHERS, '-inf', now, 'LIMIT', 0, limit)
for i = 1, #lapsed do
  reply[#reply + 1] = lapsed[i]
end
return reply
