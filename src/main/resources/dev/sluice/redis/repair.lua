-- purpose: looks at findings of the doctor again and, if asked to, repairs those that are still broken; loses nothing
-- KEYS:    the queue's keys (common.lua), the claimed hash that the findings are about, the
--          schedules' records, due times and bodies
-- ARGV:    1 = repair, 0 = look, 2 = look for the last time; kind of finding, n (up to 256), n times (subject, first, second) as the kind wants them
-- RETURNS: {0, what became of each: 0 it is in order, 1 it is broken, 2 it was broken and is repaired}: of the first ones, about
--          a megabyte of bodies where these are read
-- FROM→TO: PROCESSING→QUEUED, PROCESSING→CANCELLED
local repairs, kind, n = ARGV[1] == '1', ARGV[2], tonumber(ARGV[3])
local LONG_AGO_MS, LATEST_LOOK_MS, PAGE, STEP = 600000, 600000, 256, 16
local LONGEST_KEPT_MS = 365 * 86400000
local CRASHES_OF_A_SUSPECT = 3 -- the default crash limit: a task that crashed twice waits apart
local SCHEDULES, SCHEDULES_DUE, SCHEDULES_BODIES = unpack(KEYS, 17)
local size = lengths()
local now = clock_ms()

-- Where a task is, as a word; a list is not searched here: whoever saw the id in one says so.
local function truth(id, listed)
  local frame = call('HGET', BODIES, id)
  if not frame then
    return call('ZSCORE', DEAD, id) and 'dead' or listed and 'queued', nil
  elseif call('ZSCORE', DELAYED, id) then
    return (tonumber(string.match(frame, '^\1%a(%d+),')) or 0) > 0 and 'retrying' or 'scheduled', frame
  end
  return 'processing', frame
end

local function is_true(id, word, listed)
  local is, frame = truth(id, listed)
  if word == is or (frame and is ~= 'processing' and (word == 'retrying' or word == 'scheduled')) then
    return true, is
  elseif word == 'queued' then -- a foreign producer may write it at any time after its push, and push what has died
    return frame and string.sub(frame, 2, 2) == 'F' or call('ZSCORE', LATE, id) or (listed and not frame), is
  end
  return false, is
end

local function write_true(id, word)
  if word then
    call('HSET', STATUS, id, word)
  else
    call('HDEL', STATUS, id)
  end
end

-- Forgets a task whose body somebody else removed, and the word that said it was there.
local function drop(id, word, other)
  pcall(call, 'HINCRBY', META, 'bodiless', 1)
  local is = call('HGET', STATUS, id)
  if is == word or is == other then
    write_true(id, (truth(id, false)))
  end
end

-- Whether a dispatcher has claimed a task of this id. A task that ends well and one that is pushed with the same bytes look the
-- same from one look to the next. Only the last one reads all that is claimed.
local claimed
local function is_claimed(id)
  if not claimed then
    claimed = {}
    local prefix, members = string.match(CLAIMED, '^(.*claimed:)'), call('ZRANGE', DISPATCHERS, 0, -1)
    for i = 1, #members do
      local ids = call('HVALS', prefix .. members[i])
      for k = 1, #ids do
        claimed[ids[k]] = true
      end
    end
  end
  return claimed[id]
end

-- A body goes back to a list before it is gone here: a right that is missing in the middle is to cost nothing. What could not
-- be counted anew goes as it is, to be run or to be a dead letter. One that somebody asked to stop is not run again.
local function put_back(id, frame, again, crashes)
  local is_unwanted = again and call('SISMEMBER', CANCELLING, id) == 1
  if is_unwanted then
    call('HDEL', STATUS, id)
    if string.sub(frame, 2, 2) == 'F' then
      watch({ id }, now)
    end
  elseif again then
    call('LPUSH', list_for(crashes, CRASHES_OF_A_SUSPECT), again)
    call('HSET', STATUS, id, 'queued')
    call('ZREM', LATE, id)
  else
    call('RPUSH', READY, frame)
  end
  call('HDEL', BODIES, id)
  call('ZREM', DELAYED, id)
  call('HDEL', PROGRESS, id)
  if is_unwanted then
    call('SREM', CANCELLING, id) -- last: a body that is left is to be left with the request
  elseif not again then
    write_true(id, (truth(id, false)))
  end
  ring()
end

-- Numbers that must not begin anew: what was counted or kept before would be older than nothing. A time in ms is above each
-- count. Epochs of cancellations begin with the clock themselves.
local INTEGER = '^%-?%d+$'
local INSTEAD = { told = now, results = now + LONGEST_KEPT_MS, draining = size.plain }

-- Each says whether it is broken and, as a second value, how it is repaired.
local cases = {
  ['claimed-by-nobody'] = function(incarnation)
    return call('HLEN', CLAIMED) > 0 and not call('ZSCORE', DISPATCHERS, incarnation), function()
      call('ZADD', DISPATCHERS, 'NX', 0, incarnation)
    end
  end,
  ['member-without-hash'] = function(incarnation)
    local lease = tonumber(call('ZSCORE', DISPATCHERS, incarnation) or now)
    return lease < now - LONG_AGO_MS and call('HLEN', CLAIMED) == 0, function()
      call('ZREM', DISPATCHERS, incarnation)
    end
  end,
  ['lapsed-unrecovered'] = function(incarnation)
    local lease = tonumber(call('ZSCORE', DISPATCHERS, incarnation) or now)
    -- A marked one is being recovered, if anybody is there to do it.
    local in_recovery = lease <= 0 and call('ZCOUNT', DISPATCHERS, now, '+inf') > 0
    return lease < now - LONG_AGO_MS and not in_recovery and call('HLEN', CLAIMED) > 0
  end,
  ['claimed-without-body'] = function(id, token)
    return call('HGET', CLAIMED, token) == id and call('HEXISTS', BODIES, id) == 0, function()
      call('HDEL', CLAIMED, token)
      call('HDEL', PROGRESS, id)
      drop(id, 'processing')
    end
  end,
  ['body-without-owner'] = function(id, sha)
    local frame = call('HGET', BODIES, id)
    local is_orphan = frame and redis.sha1hex(frame) == sha and not call('ZSCORE', DELAYED, id)
    return is_orphan and (ARGV[1] == '0' or not is_claimed(id)), function()
      put_back(id, frame, recount(frame, 0, 0))
    end
  end,
  ['body-unreadable'] = function(id, sha)
    local frame = call('HGET', BODIES, id)
    return frame and redis.sha1hex(frame) == sha, function()
      put_back(id, frame)
    end
  end,
  ['delayed-without-body'] = function(id)
    return call('ZSCORE', DELAYED, id) and call('HEXISTS', BODIES, id) == 0, function()
      call('ZREM', DELAYED, id)
      drop(id, 'retrying', 'scheduled')
    end
  end,
  ['dead-without-record'] = function(id)
    return call('ZSCORE', DEAD, id) and call('HEXISTS', DEAD_BODIES, id) == 0, function()
      call('ZREM', DEAD, id)
      drop(id, 'dead')
    end
  end,
  ['record-without-time'] = function(id)
    return call('HEXISTS', DEAD_BODIES, id) == 1 and not call('ZSCORE', DEAD, id), function()
      call('ZADD', DEAD, now, id)
      if not call('HGET', STATUS, id) then
        call('HSET', STATUS, id, 'dead')
      end
    end
  end,
  ['status-false'] = function(id, word, listed)
    local fine, is = is_true(id, word, listed == '1')
    return call('HGET', STATUS, id) == word and not fine, function()
      write_true(id, is)
    end
  end,
  ['status-missing'] = function(id, listed)
    local is = truth(id, listed ~= '')
    return is and not call('HGET', STATUS, id), is ~= 'queued' and function()
      write_true(id, is)
    end
  end,
  ['late-mark'] = function(id)
    local score = tonumber(call('ZSCORE', LATE, id) or 0)
    return score > (now + LATEST_LOOK_MS) * 8 or score < 0, function()
      call('ZADD', LATE, 'XX', now * 8, id)
    end
  end,
  ['progress-of-nobody'] = function(id)
    local runs = call('HEXISTS', BODIES, id) == 1 and not call('ZSCORE', DELAYED, id)
    return not runs and call('HEXISTS', PROGRESS, id) == 1, function()
      call('HDEL', PROGRESS, id)
    end
  end,
  ['cancel-of-nobody'] = function(id)
    local runs = call('HEXISTS', BODIES, id) == 1 and not call('ZSCORE', DELAYED, id)
    return not runs and call('SISMEMBER', CANCELLING, id) == 1, function()
      call('SREM', CANCELLING, id)
    end
  end,
  ['mark-of-nobody'] = function(id, mark)
    return call('HGET', CANCELLED, id) == mark, function()
      call('HDEL', CANCELLED, id)
    end
  end,
  ['bell-tokens'] = function()
    return size.wake > 1, function()
      call('LTRIM', WAKE, 0, 0)
    end
  end,
  ['key-expires'] = function(_, at)
    local key = (select(tonumber(at), unpack(KEYS)))
    return call('PTTL', key) >= 0, function()
      call('PERSIST', key)
    end
  end,
  ['two-places'] = function(id)
    return call('HEXISTS', BODIES, id) == 1 or call('ZSCORE', DEAD, id)
  end,
  ['running-or-lost'] = function(id)
    return call('HGET', STATUS, id) == 'processing'
  end,
  ['schedule-never-due'] = function(name)
    local _, state = string.match(call('HGET', SCHEDULES, name) or '', RECORD)
    local due = call('ZSCORE', SCHEDULES_DUE, name)
    local is_sound = due and (due == 'inf' or string.match(due, '^%d+$'))
    return state and not is_sound, function()
      call('ZADD', SCHEDULES_DUE, state == 'paused' and '+inf' or now, name)
    end
  end,
  ['schedule-broken'] = function(name, lacks)
    local is_there = call('HEXISTS', SCHEDULES, name) == 1
    return is_there and (lacks == '' or call('HEXISTS', SCHEDULES_BODIES, name) == 0)
  end,
  ['schedule-remains'] = function(name)
    local rest = call('ZSCORE', SCHEDULES_DUE, name) or call('HEXISTS', SCHEDULES_BODIES, name) == 1
    return rest and call('HEXISTS', SCHEDULES, name) == 0, function()
      call('ZREM', SCHEDULES_DUE, name)
      call('HDEL', SCHEDULES_BODIES, name)
    end
  end,
  ['meta-field'] = function(field)
    local value = call('HGET', META, field)
    return value and not string.match(value, INTEGER), function()
      local instead = INSTEAD[field]
      if instead then
        call('HSET', META, field, string.format('%.0f', instead))
      else
        call('HDEL', META, field)
      end
    end
  end,
}
cases['status-ghost'] = cases['status-false']
local is_read_whole = { ['body-without-owner'] = true, ['body-unreadable'] = true }
for _, said in ipairs({ 'status-missing', 'status-false', 'status-ghost' }) do
  is_read_whole[said] = true -- for the truth about it
end

if repairs then
  call('HDEL', META, '') -- a write that a full Redis takes goes first (R5)
end

-- The words of a page of a list, all at once: only the page itself proves that a task waits there.
if kind == 'listed-without-status' then
  local list, skip, written = ({ ready = READY, suspects = SUSPECTS })[ARGV[4]], tonumber(ARGV[5]), { 0 }
  local bytes, at = 0, 0
  while at < PAGE and bytes < MOST_BYTES do
    local page = call('LRANGE', list, -skip - at - STEP, -skip - at - 1)
    for i = 1, #page do
      bytes = bytes + #page[i]
      local _, _, id = string.match(page[i], HEADER)
      if id and not call('HGET', STATUS, id) and not (size.cancelled > 0 and is_cancelled(page[i], id)) then
        write_true(id, (truth(id, true)))
        written[#written + 1] = id
      end
    end
    at = at + #page
    if #page < STEP then
      return { 0, '', unpack(written, 2) }
    end
  end
  return { 0, string.format('%.0f', skip + at), unpack(written, 2) }
end

local fates, bytes = { 0 }, 0
for i = 1, math.min(n, 256) do
  local at = 1 + 3 * i
  bytes = bytes + (is_read_whole[kind] and call('HSTRLEN', BODIES, ARGV[at]) or 0)
  if bytes > MOST_BYTES and i > 1 then
    break
  end
  local broken, cure = cases[kind](ARGV[at], ARGV[at + 1], ARGV[at + 2])
  if broken and repairs and cure then
    cure()
  end
  fates[i + 1] = broken and (repairs and cure and 2 or 1) or 0
end
return fates
