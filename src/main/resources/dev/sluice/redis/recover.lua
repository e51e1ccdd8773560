-- purpose: takes the tasks of one dispatcher incarnation back: its lease lapsed, or it leaves in good order
-- KEYS:    the queue's keys (common.lua), the claimed hash of that incarnation
-- ARGV:    incarnation, at most this many tasks, crash limit, 1 = it leaves by itself and nothing counts as a crash
-- RETURNS: {0, moved back, dead, 1 = more remain}; {1} its lease is alive, nothing was done
-- FROM→TO: PROCESSING→QUEUED, PROCESSING→DEAD
local incarnation, limit, crash_limit, leaving = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4] == '1'
lengths()
local now = clock_ms()
local score = call('ZSCORE', DISPATCHERS, incarnation)
call('HLEN', CLAIMED)
if score and tonumber(score) > now and not leaving then
  return { 1 }
end

-- Marked before the first slice: from here on no call of this incarnation does anything (R7).
call('HDEL', META, '')
if score and tonumber(score) ~= 0 then
  call('ZADD', DISPATCHERS, 'XX', 0, incarnation)
end

local tokens, ids, cursor = {}, {}, '0'
repeat
  local page = call('HSCAN', CLAIMED, cursor, 'COUNT', limit)
  cursor = page[1]
  for i = 1, #page[2], 2 do
    if page[2][i] ~= 'last' and #tokens < limit then
      tokens[#tokens + 1] = page[2][i]
      ids[#ids + 1] = page[2][i + 1]
    end
  end
until #tokens > 0 or cursor == '0'

-- The oldest claim returns to the very head: tokens are <call>.<index>.
local order = {}
for i = 1, #tokens do
  local c, k = string.match(tokens[i], '^(%d+)%.(%d+)$')
  order[i] = { tonumber(c) or 0, tonumber(k) or 0, ids[i] }
end
table.sort(order, function(a, b)
  if a[1] ~= b[1] then
    return a[1] > b[1]
  end
  return a[2] > b[2]
end)

local moved, dead = 0, 0
if #tokens > 0 then
  local sorted, words = {}, {}
  for i = 1, #order do
    sorted[i] = order[i][3]
  end
  local frames = call('HMGET', BODIES, unpack(sorted))
  call('HDEL', CLAIMED, unpack(tokens))
  call('HDEL', BODIES, unpack(sorted))
  for i = 1, #sorted do
    local id, frame = sorted[i], frames[i]
    if not frame then
      call('HINCRBY', META, 'bodiless', 1)
    else
      local before = crashes_of(frame)
      local again, crashes = recount(frame, 0, leaving and 0 or 1)
      if not leaving and crashes >= crash_limit and list_for(before, crash_limit) == SUSPECTS then
        bury(id, again, string.format(
          '{"reason":"crash-limit","message":"its dispatcher died %d times while it ran"}', crashes), now)
        dead = dead + 1
      else
        call('LPUSH', list_for(crashes, crash_limit), again)
        words[#words + 1] = id
        words[#words + 1] = 'queued'
        moved = moved + 1
      end
    end
  end
  if #words > 0 then
    call('HSET', STATUS, unpack(words))
    ring()
  end
end

-- The member goes only together with the empty hash.
local left = call('HLEN', CLAIMED) - call('HEXISTS', CLAIMED, 'last')
if left > 0 then
  return { 0, moved, dead, 1 }
end
call('DEL', CLAIMED)
call('ZREM', DISPATCHERS, incarnation)
return { 0, moved, dead, 0 }
