-- Put in front of every verb's script: names for the keys, the one clock, the frame header, the ring.
-- A frame is SOH origin counters SP id [STX last failure] LF body; the body is never decoded, re-encoded or changed here.
local PLAIN, READY, STATUS, WAKE, DISPATCHERS, DELAYED, BODIES, DEAD, DEAD_BODIES, META, LATE, SUSPECTS, CANCELLING,
  CANCELLED, PROGRESS, CLAIMED = unpack(KEYS)
local call = redis.call
local HEADER = '^\1([cfF])([%d,]*) ([^%z\1-\31\127]+)()[\2\n]' -- the position is that of the STX, or of the LF
local COUNTERS = '^(%d+),(%d+),(%d+),?(%d*)$'
local LONGEST_COUNTERS = 45 -- three of 9 digits, an epoch of 15
local MOST_COUNTED = 999999999
local MOST_BYTES = 1048576
local MOST_WATCHED = 20000
local MOST_OF_FAILURE = 4096
local TAKEN, MOST_TAKEN = '([^\n]+)\n', 32 -- the ids in one field of an at-most-once dispatcher

-- Milliseconds of this server's clock: the only clock that leases, delays and times are measured with.
local function clock_ms()
  local t = call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

-- Reads the length of every key of the queue, but of META for a verb that reads it anyway, so that a key of a foreign type fails
-- the call before its first write. Those that are seldom there are first asked for together: for a lone task the commands of a
-- script are most of its time.
local function lengths(reads_meta)
  if not reads_meta then
    call('HLEN', META)
  end
  local size = {
    plain = call('LLEN', PLAIN), ready = call('LLEN', READY), wake = call('LLEN', WAKE),
    status = call('HLEN', STATUS), bodies = call('HLEN', BODIES), dispatchers = call('ZCARD', DISPATCHERS),
    suspects = 0, late = 0, cancelling = 0, cancelled = 0, progress = 0, delayed = 0, dead = 0, dead_bodies = 0,
  }
  if call('EXISTS', SUSPECTS, LATE, CANCELLING, CANCELLED, PROGRESS, DELAYED, DEAD, DEAD_BODIES) > 0 then
    size.delayed, size.dead, size.dead_bodies = call('ZCARD', DELAYED), call('ZCARD', DEAD), call('HLEN', DEAD_BODIES)
    if call('EXISTS', SUSPECTS, LATE, CANCELLING, CANCELLED, PROGRESS) > 0 then
      size.suspects, size.late, size.progress = call('LLEN', SUSPECTS), call('ZCARD', LATE), call('HLEN', PROGRESS)
      size.cancelling, size.cancelled = call('SCARD', CANCELLING), call('HLEN', CANCELLED)
    end
  end
  return size
end

-- Rings, with what a call has read before its first write. One token is enough: whoever takes it and leaves work behind rings again.
local is_rung = false
local function ring_as(wake, paused, delivery)
  if not is_rung and wake == 0 and not paused and delivery ~= 'at-most-once' then
    call('RPUSH', WAKE, '1')
    is_rung = true
  end
end

local function ring()
  local wake = is_rung or call('LLEN', WAKE)
  if wake == 0 then
    ring_as(wake, unpack(call('HMGET', META, 'paused', 'delivery')))
  end
end

-- The keys from the n-th on: those of results, as many as a call has.
local function keys_from(n)
  return { select(n, unpack(KEYS)) }
end

-- Tells who awaits these tasks that they have ended: a line each, the word of a state and the id, and in a last line how many
-- such messages there have been, by which an end before an enqueue is told from one after it. It is a hint, so that a
-- server that forbids it keeps nothing from being settled.
local function tell_ended(channel, lines)
  if #lines > 0 then
    local counted, number = pcall(call, 'HINCRBY', META, 'told', 1)
    lines[#lines + 1] = counted and string.format('%.0f', number) or nil
    pcall(call, 'PUBLISH', channel, table.concat(lines, '\n'))
  end
end

-- Moves are told to whoever listens to the whole queue: where, and the lines of this call. Both are nil while nobody
-- does, which is nearly always: then a move costs a look at a local.
local audience, moves

-- To be called before the first move, with what meta has under "events": until when somebody listens, since when without
-- a break, and where. Returns since when.
local function hear(told, now)
  local until_ms, since_ms, channel = string.match(told or '', '^(%d+) (%d+) (.+)$')
  if until_ms and tonumber(until_ms) > now then
    audience, moves = channel, {}
    return tonumber(since_ms)
  end
end

local function move(id, word)
  if moves then
    moves[#moves + 1] = word .. ' ' .. id
  end
end

local function move_all(ids, count, word)
  if moves then
    for i = 1, count do
      moves[#moves + 1] = word .. ' ' .. ids[i]
    end
  end
end

-- One message for all moves of a call, and after its last write: it is a hint, like that of an end.
local function tell_moves(now)
  if moves and #moves > 0 then
    pcall(call, 'PUBLISH', audience, string.format('%.0f\n', now) .. table.concat(moves, '\n'))
  end
end

local function next_due_ms()
  local first = call('ZRANGE', DELAYED, 0, 0, 'WITHSCORES')
  return first[2] and tonumber(first[2])
end

-- Attempts, crashes, claims and epoch, or nothing. Anybody may have written them, and of a long text the pattern would take
-- time by the square of its length, with the whole server waiting.
local function read_counters(counters)
  if #counters <= LONGEST_COUNTERS then
    return string.match(counters, COUNTERS)
  end
end

-- Writes the header anew with the counters raised: attempts used, crashes of its dispatcher, finished claims; the epoch
-- behind them stays. Of failures only the last is kept: this one (one line of JSON) in its place, none for '', the one
-- that stands there for nil. Returns nil for what is no frame, as what somebody else wrote into a body may be.
local function recount(frame, attempts_more, crashes_more, failure)
  local origin, counters, id, at = string.match(frame, HEADER)
  local line_end = at and string.find(frame, '\n', at, true)
  if not line_end then
    return nil
  end
  local last = failure and (failure ~= '' and '\2' .. failure or '') or string.sub(frame, at, line_end - 1)
  local attempts, crashes, claims, epoch = read_counters(counters)
  epoch = epoch and epoch ~= '' and ',' .. epoch or ''
  attempts = math.min((tonumber(attempts) or 0) + attempts_more, MOST_COUNTED)
  crashes = math.min((tonumber(crashes) or 0) + crashes_more, MOST_COUNTED)
  claims = math.min((tonumber(claims) or 0) + 1, MOST_COUNTED)
  local header = string.format('\1%s%d,%d,%d%s ', origin, attempts, crashes, claims, epoch) .. id
  return header .. last .. string.sub(frame, line_end), crashes
end

-- Cancelling a task that waits in a list. Nobody searches a list: the id is marked with an epoch E, which no frame has yet,
-- and with how many elements of it are to be dropped. Whatever is made of this id while the mark is there carries E (or
-- a later one) as the fourth counter of its header; what lay in a list before has a lower one, or none. So a claim that
-- meets an element of a marked id drops it if its epoch is below the mark's, and runs it otherwise, whatever their order.
local function mark_of(id)
  local mark = call('HGET', CANCELLED, id)
  local epoch, copies = string.match(mark or '', '^(%d+),(%d+)$')
  return tonumber(epoch), tonumber(copies)
end

-- The epoch of a cancellation, above all before. The first begins with the clock: somebody may have removed the settings of a
-- queue whose frames have epochs. No hundred are given in a millisecond, so that it is above those, too.
local function next_epoch(now)
  local epoch = call('HINCRBY', META, 'cancels', 1)
  return epoch > 1 and epoch or call('HINCRBY', META, 'cancels', string.format('%.0f', now * 100))
end

-- Takes away the word of a task that waited in a list: the next word is that of the dead letter which it would have replaced.
local function unsay(id, size)
  if size.dead > 0 and call('ZSCORE', DEAD, id) then
    call('HSET', STATUS, id, 'dead')
  else
    call('HDEL', STATUS, id)
  end
end

local function epoch_of(frame)
  return tonumber(string.match(frame, '^\1%a%d+,%d+,%d+,(%d+) ')) or 0
end

-- The frame as one of this epoch.
local function stamp(frame, epoch)
  local origin, counters = string.match(frame, HEADER)
  local attempts, crashes, claims = read_counters(counters)
  return string.format('\1%s%s,%s,%s,%.0f', origin, attempts or 0, crashes or 0, claims or 0, epoch)
    .. string.sub(frame, 3 + #counters)
end

-- Whether a claim that meets this element of a list will drop it.
local function is_cancelled(element, id)
  local epoch = mark_of(id)
  return epoch ~= nil and epoch_of(element) < epoch
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

-- Takes ids out of the record of an at-most-once dispatcher: pairs of a field and those of its ids that go.
local function strike(record, gone)
  local fields, left, empty = {}, {}, {}
  for i = 1, #gone do
    fields[i] = gone[i][1]
  end
  local texts = #gone > 0 and call('HMGET', record, unpack(fields)) or {}
  for i = 1, #texts do
    local ids, rest = gone[i][2], ''
    if texts[i] and texts[i] ~= table.concat(ids, '\n') .. '\n' then
      local struck = {}
      for k = 1, #ids do
        struck[ids[k]] = ''
      end
      rest = string.gsub(texts[i], TAKEN, struck)
    end
    if rest == '' then
      empty[#empty + 1] = fields[i]
    else
      left[#left + 1] = fields[i]
      left[#left + 1] = rest
    end
  end
  if #left > 0 then
    call('HSET', record, unpack(left))
  end
  if #empty > 0 then
    call('HDEL', record, unpack(empty))
  end
end

-- Has upkeep look after these foreign ids from a second on: their producers may yet write a status. The freshest have
-- most to expect: when there is no more room, those that were looked at most often make it.
local function watch(ids, now)
  local over = call('ZCARD', LATE) + #ids - MOST_WATCHED
  if over > 0 then
    call('ZREMRANGEBYRANK', LATE, -over, -1)
  end
  local members = {}
  for i = 1, #ids do
    members[2 * i - 1], members[2 * i] = (now + 1000) * 8, ids[i]
  end
  call('ZADD', LATE, unpack(members))
end

-- A task whose body somebody else removed cannot be run again: it is counted, and no status speaks of it any more.
local function lose(id)
  pcall(call, 'HINCRBY', META, 'bodiless', 1) -- by then something is written: what is no number must not end it
  call('HDEL', STATUS, id)
end

-- How many of these ids, from the first on, have records of about a megabyte together: at least one.
local function fitting(hash, ids)
  local bytes = 0
  for i = 1, #ids do
    bytes = bytes + call('HSTRLEN', hash, ids[i])
    if bytes > MOST_BYTES and i > 1 then
      return i - 1
    end
  end
  return #ids
end

-- The bodies of the first of these ids, about a megabyte of them and at least one; false for an id without one.
local function frames_of(ids)
  return call('HMGET', BODIES, unpack(ids, 1, fitting(BODIES, ids)))
end

-- Moves tasks that are due from the delayed set to the end of their list; returns how many.
local function promote(now, limit, crash_limit)
  local due = call('ZRANGEBYSCORE', DELAYED, '-inf', now, 'LIMIT', 0, limit)
  if #due == 0 then
    return 0
  end
  local frames = frames_of(due)
  call('HDEL', META, '') -- the first write is one that a full Redis takes; and what is moved is there before it is gone here
  local words = {}
  for i = 1, #frames do
    if frames[i] then
      call('RPUSH', list_for(crashes_of(frames[i]), crash_limit), frames[i])
      words[#words + 1] = due[i]
      words[#words + 1] = 'queued'
      move(due[i], 'queued')
    else
      lose(due[i])
    end
  end
  if #words > 0 then
    call('HSET', STATUS, unpack(words))
    call('ZREM', LATE, unpack(due, 1, #frames)) -- it lives: its "queued" is no late one
  end
  call('ZREM', DELAYED, unpack(due, 1, #frames))
  call('HDEL', BODIES, unpack(due, 1, #frames))
  return #frames
end

-- Whether a task of this id lives. The word in the status hash is a projection: "queued" is believed only while something waits, and not of a task that ended
-- just before its producer's status came; of what was taken from the lists the bodies tell, or, at-most-once, the word alone.
local function is_live(id, word, size, at_most_once)
  if word == 'queued' and size.plain + size.ready + size.suspects > 0
    and not (size.late > 0 and call('ZSCORE', LATE, id)) then
    return true
  elseif at_most_once then
    return word and word ~= 'queued' and word ~= 'dead'
  end
  return call('HEXISTS', BODIES, id) == 1
end

-- By bytes, as Redis orders them: Lua's own comparison follows the locale of the server.
local function is_before(one, other)
  for i = 1, math.min(#one, #other) do
    local a, b = string.byte(one, i), string.byte(other, i)
    if a ~= b then
      return a < b
    end
  end
  return #one < #other
end

-- The rank that a member of a sorted set has, or would have if it were still there with this score; and whether it is.
local function rank_of(set, score, member)
  local low, high = call('ZCOUNT', set, '-inf', '(' .. score), call('ZCOUNT', set, '-inf', score)
  local top = high
  while low < high do
    local middle = math.floor((low + high) / 2)
    if is_before(call('ZRANGE', set, middle, middle)[1], member) then
      low = middle + 1
    else
      high = middle
    end
  end
  return low, low < top and call('ZRANGE', set, low, low)[1] == member
end

-- The ms until a due time of a schedule; -1 if there is none, or if it is "inf": never.
local function ms_until(due, now)
  local at = tonumber(due)
  return at and at < math.huge and math.max(0, at - now) or -1
end

-- A schedule's record: version TAB active or paused TAB last tick in ms or '' TAB origin TAB rule. The rule is compared, never read.
local RECORD = '^(%d+)\t(%a+)\t(%d*)\t([^\t]*)\t(.*)$'

-- The body of a schedule's task with what a producer writes at its end: since when the task waits.
local function begun(body, now)
  return string.sub(body, -1) == '}' and string.format('%s,"enqueuedAt":%.0f}', string.sub(body, 1, -2), now) or body
end

-- Puts the task of a schedule at the end of the ready list, unless its id lives; what an enqueue of one task does.
local function put_in(id, body, size, at_most_once)
  if is_live(id, call('HGET', STATUS, id), size, at_most_once) then
    return
  end
  local watched = size.late > 0 and call('ZSCORE', LATE, id)
  local frame = (watched and '\1F ' or '\1c ') .. id .. '\n' .. body
  local epoch = size.cancelled > 0 and mark_of(id)
  call('RPUSH', READY, epoch and stamp(frame, epoch) or frame)
  call('HSET', STATUS, id, 'queued')
  move(id, 'queued')
  if size.dead > 0 and call('ZREM', DEAD, id) > 0 then
    call('HDEL', DEAD_BODIES, id)
  end
  if watched then
    call('ZREM', LATE, id)
  end
  size.ready = size.ready + 1
  ring()
end

-- Nobody is dead while Redis was away: silence of everyone is no proof against anyone (R6). After two beats without a
-- sign of life, or a clock that jumped back, every unmarked incarnation has a whole lease from now. Never less than two
-- seconds of silence: whoever does the chores once a second alone would forgive for ever.
local function is_silent(seen, now, lease_ms)
  return seen < now - math.max(2 * lease_ms / 3, 2000) or seen > now
end

-- A clock put back by more was wrong before: what it left behind is not waited for. Less is made up for by waiting, as cron does.
local WRONG_CLOCK_MS = 3 * 3600000

-- Call it after a write that a full Redis takes. Records this sign of life, and after a silence gives all a whole lease: marked
-- by half a millisecond, which their next heartbeat takes away. Who still has the mark after the next silence has what was left
-- then: else the tasks of a dead one would wait for ever where every life is shorter than a lease. How long a silence is goes by
-- the shortest lease, whoever speaks: it hides from all others that there was one.
local function forgive(now, shortest_ms, longest_ms, seen)
  if seen > now + WRONG_CLOCK_MS then
    call('HSET', META, 'set-back', now) -- for the next round of upkeep: this sign of life hides it from that
  end
  if is_silent(seen, now, shortest_ms) then
    local longest = now + longest_ms + 0.5
    local renewed = call('ZRANGEBYSCORE', DISPATCHERS, '(0', longest, 'WITHSCORES')
    for i = 1, #renewed, 2 do
      local until_ms = tonumber(renewed[i + 1])
      renewed[i], renewed[i + 1] = until_ms % 1 > 0 and math.min(until_ms + now - seen, longest) or longest, renewed[i]
    end
    for i = 1, #renewed, 1024 do
      call('ZADD', DISPATCHERS, 'XX', unpack(renewed, i, math.min(i + 1023, #renewed)))
    end
  end
  call('HSET', META, 'seen', now)
end

-- Removes the first of these dead letters, as many as fit, and what their status says of their death; returns how many.
local function forget(ids)
  if #ids == 0 then
    return 0
  end
  local n = fitting(DEAD_BODIES, ids)
  local words, dead = call('HMGET', STATUS, unpack(ids, 1, n)), {}
  for i = 1, n do
    if words[i] == 'dead' then
      dead[#dead + 1] = ids[i]
    end
  end
  call('ZREM', DEAD, unpack(ids, 1, n))
  call('HDEL', DEAD_BODIES, unpack(ids, 1, n))
  if #dead > 0 then
    call('HDEL', STATUS, unpack(dead))
  end
  return n
end
