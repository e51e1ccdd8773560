-- purpose: takes the tasks of one dispatcher incarnation back: its lease lapsed, or it leaves in good order
-- KEYS:    the queue's keys (common.lua), the claimed hash of that incarnation
-- ARGV:    incarnation, at most this many tasks, crash limit, 1 = it leaves by itself and nothing counts as a crash,
--          channel of ends, cursor: '0' at first, then that of the slice before; the queue's delivery mode
-- RETURNS: {0, moved back, dead, cursor for the next slice, '' if nothing remains, lost}; {1} its lease is alive, or nobody
--          was seen for long: nothing was done. Lost is what an at-most-once dispatcher had taken: only its words are here
-- FROM→TO: PROCESSING→QUEUED, PROCESSING→DEAD, PROCESSING→CANCELLED
local incarnation, limit, crash_limit = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local MOST_ORDERED, MOST_INDEXES, MOST_FORGOTTEN = 1024, 1024, 512

local size = lengths()
local now = clock_ms()
local score = tonumber(call('ZSCORE', DISPATCHERS, incarnation) or 0)
local leaving = ARGV[4] == '1' or score < 0 -- whoever takes the rest
local meta = call('HMGET', META, 'seen', 'shortest', 'events')
local reported = call('HLEN', PROGRESS)
local held = call('HLEN', CLAIMED)
if score ~= 0 and not leaving and (score > now or is_silent(tonumber(meta[1]) or 0, now, tonumber(meta[2]) or 0)) then
  return { 1 }
end

-- Marked before the first slice: from here on no call of this incarnation does anything (R7). Below 0 it left by itself, so
-- that also of what others take back nothing counts as a crash.
call('HDEL', META, '')
call('ZADD', DISPATCHERS, 'XX', leaving and -1 or 0, incarnation)

-- The member goes only together with the empty hash. What a slice read and had no room for is met when the scan begins anew.
local function done(moved, dead, cursor, lost)
  if call('HLEN', CLAIMED) > call('HEXISTS', CLAIMED, 'last') then
    return { 0, moved, dead, cursor, lost }
  end
  call('DEL', CLAIMED)
  call('ZREM', DISPATCHERS, incarnation)
  return { 0, moved, dead, '', lost }
end

-- At most once: what it had taken is nowhere but there, so that a word which still says that it runs goes.
if ARGV[7] == 'at-most-once' then
  local page = call('HSCAN', CLAIMED, ARGV[6], 'COUNT', math.ceil(math.min(limit, MOST_FORGOTTEN) / MOST_TAKEN))
  local fields, ids, lost = {}, {}, {}
  for i = 1, #page[2], 2 do
    if #ids >= MOST_FORGOTTEN then -- of a hash whose values are all short a scan brings everything at once
      break
    end
    fields[#fields + 1] = page[2][i]
    for id in string.gmatch(page[2][i + 1], TAKEN) do
      ids[#ids + 1] = id
    end
  end
  if #ids > 0 then
    local words = call('HMGET', STATUS, unpack(ids))
    for i = 1, #ids do
      if words[i] == 'processing' then
        lost[#lost + 1] = ids[i]
      end
    end
    if #lost > 0 then
      call('HDEL', STATUS, unpack(lost))
    end
  end
  if #fields > 0 then
    call('HDEL', CLAIMED, unpack(fields))
  end
  return done(0, 0, page[1], #lost)
end

-- The newest claims go back first, so that the oldest comes to the very head: tokens are <call>.<index>. Of more than are read
-- here nobody knows which are the newest: a slice takes what a scan brings, and the next goes on behind it.
local ordered = held <= MOST_ORDERED
local tokens, id_of, cursor = {}, {}, ordered and '0' or ARGV[6]
repeat
  local page = call('HSCAN', CLAIMED, cursor, 'COUNT', math.max(64, limit - #tokens))
  cursor = page[1]
  for i = 1, #page[2], 2 do
    local token = page[2][i]
    if token ~= 'last' and not id_of[token] then -- a scan may name one twice
      tokens[#tokens + 1], id_of[token] = token, page[2][i + 1]
    end
  end
until cursor == '0' or (not ordered and #tokens >= limit)

-- Sorted as numbers, which calls no function of ours for each comparison.
local function newest_first(tokens)
  local order, token_of, sorted = {}, {}, {}
  for i = 1, #tokens do
    local c, k = string.match(tokens[i], '^(%d+)%.(%d+)$')
    local at = (tonumber(c) or 0) * MOST_INDEXES + (tonumber(k) or 0)
    if not token_of[at] then
      order[#order + 1], token_of[at] = at, tokens[i]
    end
  end
  table.sort(order)
  for i = 1, #order do
    sorted[i] = token_of[order[#order + 1 - i]]
  end
  return sorted
end
if ordered then
  tokens = newest_first(tokens)
end

-- The frame counted anew, and what that makes of the task. Counters are the same in nearly all headers, and nothing behind
-- them changes: so each kind is worked out once.
local kinds = {}
local RAW = { list = READY } -- no frame: goes as it is, to be run or to be a dead letter
local function count_again(frame)
  local counters = string.match(frame, '^\1%a[%d,]* ') or ''
  local kind = kinds[counters]
  if kind then
    return kind.counters .. string.sub(frame, #counters + 1), kind
  end
  local again, crashes = recount(frame, 0, leaving and 0 or 1)
  if not again then
    return frame, RAW
  end
  kind = {
    counters = string.sub(again, 1, #counters + #again - #frame),
    crashes = crashes,
    list = list_for(crashes, crash_limit),
    dies = not leaving and crashes >= crash_limit and list_for(crashes_of(frame), crash_limit) == SUSPECTS,
  }
  kinds[counters] = kind
  return again, kind
end

hear(meta[3], now)
local moved, dead = 0, 0
if #tokens > 0 then
  local ids, words, back, awaiting, told = {}, {}, {}, {}, {}
  for i = 1, math.min(limit, #tokens) do
    ids[i] = id_of[tokens[i]]
  end
  local frames, pushed = frames_of(ids), { [READY] = {}, [SUSPECTS] = {} }
  local asked = size.cancelling > 0 and call('SMISMEMBER', CANCELLING, unpack(ids, 1, #frames))
  for i = 1, #frames do
    local id, frame = ids[i], frames[i]
    if asked and asked[i] == 1 then
      call('SREM', CANCELLING, id)
      call('HDEL', STATUS, id)
      told[#told + 1] = 'cancelled ' .. id
      move(id, 'cancelled')
      if frame and string.sub(frame, 2, 2) == 'F' then
        awaiting[#awaiting + 1] = id
      end
    elseif not frame then
      lose(id)
    else
      local again, kind = count_again(frame)
      if kind.dies then
        bury(id, again, string.format(
          '{"reason":"crash-limit","message":"its dispatcher died %d times while it ran"}', kind.crashes), now)
        dead = dead + 1
        told[#told + 1] = 'dead ' .. id
        move(id, 'dead')
        if string.sub(again, 2, 2) == 'F' then
          awaiting[#awaiting + 1] = id
        end
      else
        local list = pushed[kind.list]
        list[#list + 1] = again
        moved = moved + 1
        if kind == RAW then
          call('HDEL', STATUS, id)
        else
          back[#back + 1] = id
          words[#words + 1] = id
          words[#words + 1] = 'queued'
          move(id, 'queued')
        end
      end
    end
  end
  for list, elements in pairs(pushed) do
    if #elements > 0 then
      call('LPUSH', list, unpack(elements))
    end
  end
  if #words > 0 then
    call('HSET', STATUS, unpack(words))
    if size.late > 0 then
      call('ZREM', LATE, unpack(back)) -- they live: their "queued" is no late one
    end
  end
  if moved > 0 then
    ring()
  end
  if #awaiting > 0 then
    watch(awaiting, now)
  end
  -- Last: what goes back is there before it is gone here.
  call('HDEL', CLAIMED, unpack(tokens, 1, #frames))
  call('HDEL', BODIES, unpack(ids, 1, #frames))
  if reported > 0 then
    call('HDEL', PROGRESS, unpack(ids, 1, #frames))
  end
  tell_ended(ARGV[5], told)
  tell_moves(now)
end

return done(moved, dead, cursor, 0)
