-- Put in front of every verb's script: names for the keys, the one clock, the frame header, the ring.
-- A frame is SOH origin counters SP id LF body; the body is never decoded, re-encoded or changed here.
local PLAIN, READY, STATUS, WAKE, DISPATCHERS, DELAYED, BODIES, DEAD, DEAD_BODIES, META, LATE, SUSPECTS, CLAIMED =
  unpack(KEYS)
local call = redis.call
local HEADER = '^\1(%a)([%d,]*) ([^\n]*)\n'

-- Milliseconds of this server's clock: the only clock that leases, delays and times are measured with.
local function clock_ms()
  local t = call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

-- Reads the length of every key of the queue, so that a key of a foreign type fails the call before its first write.
local function lengths()
  return {
    plain = call('LLEN', PLAIN), ready = call('LLEN', READY), wake = call('LLEN', WAKE),
    suspects = call('LLEN', SUSPECTS), status = call('HLEN', STATUS), bodies = call('HLEN', BODIES),
    dead = call('ZCARD', DEAD), dead_bodies = call('HLEN', DEAD_BODIES), delayed = call('ZCARD', DELAYED),
    late = call('ZCARD', LATE),
  }
end

-- One token is enough: whoever takes it and leaves work behind rings again.
local function ring()
  if call('LLEN', WAKE) == 0 then
    local meta = call('HMGET', META, 'paused', 'delivery')
    if not meta[1] and meta[2] ~= 'at-most-once' then
      call('RPUSH', WAKE, '1')
    end
  end
end

local function next_due_ms()
  local first = call('ZRANGE', DELAYED, 0, 0, 'WITHSCORES')
  return first[2] and tonumber(first[2])
end

-- Writes the header anew with the counters raised: attempts used, crashes of its dispatcher, finished claims.
local function recount(frame, attempts_more, crashes_more)
  local origin, counters, id = string.match(frame, HEADER)
  local attempts, crashes, claims = string.match(counters, '^(%d+),(%d+),(%d+)$')
  attempts = (tonumber(attempts) or 0) + attempts_more
  crashes = (tonumber(crashes) or 0) + crashes_more
  claims = (tonumber(claims) or 0) + 1
  local header = string.format('\1%s%d,%d,%d %s\n', origin, attempts, crashes, claims, id)
  return header .. string.sub(frame, string.find(frame, '\n', 1, true) + 1), crashes
end

local function crashes_of(frame)
  return tonumber(string.match(frame, '^\1%a%d+,(%d+),')) or 0
end

-- A task that crashed its dispatchers so often that the next time is the last waits apart.
local function list_for(crashes, crash_limit)
  if crashes >= math.max(1, crash_limit - 1) then
    return SUSPECTS
  end
  return READY
end

local function bury(id, frame, failure, at_ms)
  call('HSET', DEAD_BODIES, id, failure .. '\n' .. frame)
  call('ZADD', DEAD, at_ms, id)
  call('HSET', STATUS, id, 'dead')
end

-- Moves tasks that are due from the delayed set to the end of their list; returns how many.
local function promote(now, limit, crash_limit)
  local due = call('ZRANGEBYSCORE', DELAYED, '-inf', now, 'LIMIT', 0, limit)
  if #due == 0 then
    return 0
  end
  local frames = call('HMGET', BODIES, unpack(due))
  call('ZREM', DELAYED, unpack(due))
  call('HDEL', BODIES, unpack(due))
  local words = {}
  for i = 1, #due do
    if frames[i] then
      call('RPUSH', list_for(crashes_of(frames[i]), crash_limit), frames[i])
      words[#words + 1] = due[i]
      words[#words + 1] = 'queued'
    else
      call('HINCRBY', META, 'bodiless', 1)
    end
  end
  if #words > 0 then
    call('HSET', STATUS, unpack(words))
  end
  return #due
end
