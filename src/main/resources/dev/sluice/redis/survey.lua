-- purpose: counts a queue's tasks, all at one instant, and says what is closed
-- KEYS:    the queue's keys (common.lua)
-- ARGV:    none
-- RETURNS: {elements in the lists, ids of which some are cancelled and will be dropped, delayed, bodies, dead letters,
--          dispatchers alive, 1 = paused, 1 = draining, foreign tasks pushed since the drain began,
--          ms for which the oldest of the lists waits or -1 if nobody can tell}
-- FROM→TO: none
local LOOKED_AT = 4 -- elements from the head of each list
local MOST_DECODED = 4096
local LATEST_MS = 253402300799999
local bytes = 0
local plain, dead_letters = call('LLEN', PLAIN), call('ZCARD', DEAD)
local listed = plain + call('LLEN', READY) + call('LLEN', SUSPECTS)
local meta = call('HMGET', META, 'paused', 'draining', 'drained-foreign')
local pushed = meta[2] and (tonumber(meta[3]) or 0) + plain - meta[2] or 0
local now, any_cancelled = clock_ms(), call('HLEN', CANCELLED)

-- The time that its producer wrote, or nil. What our own client writes ends with it, and only the outermost object can end
-- in a number and one brace; of anything else a decode says, guarded, if it is small.
local function written(body)
  local time = string.match(string.sub(body, -40), ',%s*"enqueuedAt"%s*:%s*(%d+%.?%d*)%s*}%s*$')
  if not time and #body <= MOST_DECODED then
    local fine, decoded = pcall(cjson.decode, body)
    time = fine and type(decoded) == 'table' and type(decoded.enqueuedAt) == 'number' and decoded.enqueuedAt
  end
  time = tonumber(time)
  return time and time >= 1 and time <= LATEST_MS and time or nil
end

-- Since when this element waits, or nil: for one that was claimed before waits since somebody failed or redrove it, and one
-- that is cancelled does not wait.
local function waits_from(element)
  local _, counters, id, at = string.match(element, HEADER)
  if not id then
    return written(element)
  end
  local claims = string.match(counters, '^%d+,%d+,(%d+)')
  if (claims and tonumber(claims) > 0) or (any_cancelled > 0 and is_cancelled(element, id)) then
    return nil
  end
  local line_end = string.find(element, '\n', at, true) -- what anybody wrote may have none
  return line_end and written(string.sub(element, line_end + 1))
end

-- Of a list that is taken from in order the first is the oldest; about a megabyte is read for all lists.
local function oldest_of(list)
  for i = 0, LOOKED_AT - 1 do
    local element = bytes < MOST_BYTES and call('LINDEX', list, i)
    if not element then
      return nil
    end
    bytes = bytes + #element
    local from = waits_from(element)
    if from then
      return from
    end
  end
end

local from = math.min(oldest_of(PLAIN) or math.huge, oldest_of(READY) or math.huge, oldest_of(SUSPECTS) or math.huge)
return {
  listed, any_cancelled, call('ZCARD', DELAYED), call('HLEN', BODIES), dead_letters,
  call('ZCOUNT', DISPATCHERS, '(' .. now, '+inf'), meta[1] and 1 or 0, meta[2] and 1 or 0, math.max(0, pushed),
  from < math.huge and math.max(0, now - from) or -1,
}
