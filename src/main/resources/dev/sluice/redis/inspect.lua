-- purpose: reads one page of what a queue has stored, each id with all that is known of it at this very instant
-- KEYS:    the queue's keys (common.lua), a claimed hash
-- ARGV:    what to read, where to begin (a cursor; for a list the elements to skip), elements, 1 = a list from its head
-- RETURNS: {where the next page begins or '', bytes read, rows}; a row is {id, first, second, word, 1 or F = it has a
--          body, due time, 1 = it is dead, 1 = it is watched for a late status}, each but the last four by what is read:
--          plain, ready, suspects  id or false, the header or a whole raw element, origin or false
--          claimed  id, token, -        bodies   id, SHA-1 of the frame, the id in its header
--          delayed  id, due time, -     dead     id, time, 1 = it has its record
--          records  id, -, 1 = it has its time    status   id, -, -    late     id, score, -
--          progress id, its report, -    cancelling id, -, -    cancelled  id, its mark, -
--          The origin of an element that was cancelled where it lies is x.
-- FROM→TO: none
local what, from, limit, from_head = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4] == '1'
local size = lengths()
local rows, bytes = {}, 0

local function row(id, first, second)
  rows[#rows + 1] = id
  rows[#rows + 1] = first
  rows[#rows + 1] = second
  if not id then
    for _ = 1, 5 do
      rows[#rows + 1] = false
    end
    return
  end
  local word = call('HGET', STATUS, id)
  local body = call('HEXISTS', BODIES, id) == 1 and '1'
  if body and word == 'queued' and string.sub(call('HGET', BODIES, id), 2, 2) == 'F' then
    body = 'F'
  end
  rows[#rows + 1] = word
  rows[#rows + 1] = body
  rows[#rows + 1] = size.delayed > 0 and call('ZSCORE', DELAYED, id)
  rows[#rows + 1] = size.dead > 0 and call('ZSCORE', DEAD, id) and '1'
  rows[#rows + 1] = size.late > 0 and call('ZSCORE', LATE, id) and '1'
end

-- In steps, until there are enough or about a megabyte is read; towards the head, if it began at the tail.
local function elements(list, skip)
  local taken, step, more = {}, 1, true
  while more and #taken < limit and bytes < MOST_BYTES do
    local count = math.min(step, limit - #taken)
    local at = skip + #taken
    local page = from_head and call('LRANGE', list, at, at + count - 1) or call('LRANGE', list, -at - count, -at - 1)
    for i = 1, #page do
      local element = page[from_head and i or #page - i + 1]
      taken[#taken + 1] = element
      bytes = bytes + #element
    end
    more = #page == count
    step = math.max(1, math.min(step * 4, math.floor((MOST_BYTES - bytes) * #taken / math.max(bytes, 1))))
  end
  for i = 1, #taken do
    local origin, counters, id = string.match(taken[i], HEADER)
    if id then
      local is_dropped = size.cancelled > 0 and is_cancelled(taken[i], id)
      row(id, '\1' .. origin .. counters .. ' ' .. id .. '\n', is_dropped and 'x' or origin)
    else
      row(false, taken[i], false)
    end
  end
  return more and string.format('%.0f', skip + #taken) or ''
end

local function pairs_of(command, key, each, count)
  local page = call(command, key, from, 'COUNT', count or limit)
  for i = 1, #page[2], 2 do
    bytes = bytes + #page[2][i + 1]
    each(page[2][i], page[2][i + 1])
  end
  return page[1] == '0' and '' or page[1]
end

-- The members of a set, which have no second half.
local function members_of(key, each)
  local page = call('SSCAN', key, from, 'COUNT', limit)
  for i = 1, #page[2] do
    each(page[2][i])
  end
  return page[1] == '0' and '' or page[1]
end

local lists = { plain = PLAIN, ready = READY, suspects = SUSPECTS }
local following
if lists[what] then
  following = elements(lists[what], tonumber(from))
elseif what == 'claimed' then
  local at_most_once = call('HGET', META, 'delivery') == 'at-most-once'
  following = pairs_of('HSCAN', CLAIMED, function(token, id)
    if at_most_once then
      for one in string.gmatch(id, TAKEN) do
        row(one, token, false)
      end
    elseif token ~= 'last' then
      row(id, token, false)
    end
  end, at_most_once and math.ceil(limit / MOST_TAKEN))
elseif what == 'bodies' then
  following = pairs_of('HSCAN', BODIES, function(id, frame)
    local _, _, own = string.match(frame, HEADER)
    row(id, redis.sha1hex(frame), own or false)
  end)
elseif what == 'delayed' then
  following = pairs_of('ZSCAN', DELAYED, function(id, due)
    row(id, due, false)
  end)
elseif what == 'dead' then
  following = pairs_of('ZSCAN', DEAD, function(id, at)
    row(id, at, call('HEXISTS', DEAD_BODIES, id) == 1 and '1')
  end)
elseif what == 'records' then
  following = pairs_of('HSCAN', DEAD_BODIES, function(id)
    row(id, false, call('ZSCORE', DEAD, id) and '1')
  end)
elseif what == 'progress' then
  following = pairs_of('HSCAN', PROGRESS, function(id, report)
    row(id, report, false)
  end)
elseif what == 'cancelling' then
  following = members_of(CANCELLING, function(id)
    row(id, false, false)
  end)
elseif what == 'cancelled' then
  following = pairs_of('HSCAN', CANCELLED, function(id, mark)
    row(id, mark, false)
  end)
elseif what == 'status' then
  following = pairs_of('HSCAN', STATUS, function(id)
    row(id, false, false)
  end)
else
  following = pairs_of('ZSCAN', LATE, function(id, score)
    row(id, score, false)
  end)
end
return { following, bytes, rows }
