-- purpose: looks at a page of tasks that do not run, from the end of where they are, and cancels those that are meant
-- KEYS:    the queue's keys (common.lua)
-- ARGV:    delayed, plain, suspects or ready; how many from the end are passed over; at most this many looked at; type or
--          ''; of the delayed: their word (scheduled or retrying) or '', and the time in ms before which they are due or '';
--          1 = cancel them, most marks, channel of ends
-- RETURNS: {0, 1 = more follow, looked at, meant, cancelled, how many from the end the next call passes over, how long the
--          list is}
--          first 1: too many cancelled tasks wait in lists: nothing was done
-- FROM→TO: QUEUED→CANCELLED, SCHEDULED→CANCELLED, RETRYING→CANCELLED
local where, skip, limit, type_meant = ARGV[1], tonumber(ARGV[2]), math.min(tonumber(ARGV[3]), 256), ARGV[4]
local word_meant, before_ms, acts, most_marks, ends = ARGV[5], ARGV[6], ARGV[7] == '1', tonumber(ARGV[8]), ARGV[9]
local size = lengths()
local now = clock_ms()
hear(call('HGET', META, 'events'), now)

-- The type of a task: what our own client writes begins with it; of anything else a decode says, guarded, for it may be no JSON.
local function is_meant(body)
  if type_meant == '' then
    return true
  end
  local own = string.match(body, '^{"type":"([^"\\]*)"')
  if own then
    return own == type_meant
  end
  local fine, decoded = false, nil
  if #body <= MOST_BYTES then
    fine, decoded = pcall(cjson.decode, body)
  end
  return fine and type(decoded) == 'table' and decoded.type == type_meant
end

local function body_of(frame)
  return string.sub(frame, (string.find(frame, '\n', 1, true) or 0) + 1)
end

-- The id of an element of a list and its body; of a raw one only if it is plain to see or can be decoded.
local function read(element)
  local _, _, id = string.match(element, HEADER)
  if id then
    return id, body_of(element)
  end
  id = string.match(element, '^%s*{%s*"id"%s*:%s*"([^"\\%c]+)"')
  if not id and #element <= MOST_BYTES then -- as where it is claimed, or it would have another id there
    local fine, decoded = pcall(cjson.decode, element)
    id = fine and type(decoded) == 'table' and type(decoded.id) == 'string' and decoded.id or nil
  end
  return id, element
end

-- Whether a claim will drop it. Of an id that was cancelled and pushed once more, as others than our own client do, no copy says
-- which it is: the word does, if all types are meant, and the mark is raised by one.
local met = {}
local function is_dropped(element, id)
  if size.cancelled == 0 or not is_cancelled(element, id) then
    return false
  elseif string.byte(element, 1) == 1 or type_meant ~= '' or met[id] then
    return true
  end
  met[id] = true
  return call('HGET', STATUS, id) ~= 'queued'
end

local looked, meant, done = 0, {}, 0
local function delayed()
  skip = before_ms == '' and skip or math.max(skip, call('ZCOUNT', DELAYED, before_ms, '+inf'))
  local ids = call('ZREVRANGE', DELAYED, skip, skip + limit - 1)
  looked = #ids > 0 and fitting(BODIES, ids) or 0
  if looked == 0 then
    return 0
  end
  local frames, words = call('HMGET', BODIES, unpack(ids, 1, looked)), call('HMGET', STATUS, unpack(ids, 1, looked))
  for i = 1, looked do
    if frames[i] and (word_meant == '' or words[i] == word_meant) and is_meant(body_of(frames[i])) then
      meant[#meant + 1] = { ids[i], frames[i] }
    end
  end
  return size.delayed - skip - looked
end

local function listed(list, length)
  local bytes, step = 0, 2
  while looked < limit and skip + looked < length and bytes < MOST_BYTES do
    local count = math.min(step, limit - looked)
    local at = skip + looked
    local page = call('LRANGE', list, -at - count, -at - 1)
    for i = #page, 1, -1 do
      bytes = bytes + #page[i]
      local id, body = read(page[i])
      if id and not is_dropped(page[i], id) and is_meant(body) then
        meant[#meant + 1] = { id }
      end
    end
    looked = looked + #page
    step = math.max(1, math.min(step * 4, math.floor((MOST_BYTES - bytes) * looked / math.max(bytes, 1))))
  end
  return length - skip - looked
end

-- What waits in a list is not taken out of it, for that would move the rest: see the cancel of one, also for the order.
local function mark(id)
  if call('HGET', STATUS, id) ~= 'queued' or call('HEXISTS', BODIES, id) == 1 or call('ZSCORE', LATE, id) then
    return false
  end
  local _, copies = mark_of(id)
  call('HDEL', META, '')
  call('HSET', CANCELLED, id, string.format('%.0f,%d', next_epoch(now), (copies or 0) + 1))
  unsay(id, size)
  return true
end

local function take_out(id, frame)
  call('ZREM', DELAYED, id)
  call('HDEL', BODIES, id)
  call('HDEL', STATUS, id)
  if string.sub(frame, 2, 2) == 'F' then
    watch({ id }, now)
  end
  return true
end

local left, length
if where == 'delayed' then
  left = delayed()
else
  local lists = { plain = { PLAIN, size.plain }, suspects = { SUSPECTS, size.suspects }, ready = { READY, size.ready } }
  length = lists[where][2]
  left = listed(unpack(lists[where]))
  if acts and size.cancelled + #meant > most_marks then
    return { 1, 0, 0, 0, 0, 0, 0 }
  end
end
local told = {}
for i = 1, acts and #meant or 0 do
  local id, frame = unpack(meant[i])
  if (frame and take_out or mark)(id, frame) then
    done = done + 1
    told[done] = 'cancelled ' .. id
    move(id, 'cancelled')
  end
end
tell_ended(ends, told)
tell_moves(now)
return { 0, left > 0 and 1 or 0, looked, #meant, done, skip + looked - (where == 'delayed' and done or 0), length or 0 }
