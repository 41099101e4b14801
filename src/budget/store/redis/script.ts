/**
 * The account operations in Redis, each call atomic: the same slots and rules as in `metering/account.ts`, by the server's clock. An account is a
 * hash (`l`: the latest grant; `s:WINDOW`: since when; `WINDOW:SLOT`: amounts); its people are a sorted set by last sighting. A window is named by
 * its length in milliseconds, or `day`.
 */
import { CLOCK_SET_BACK_MS } from '../../../metering/account.ts';
import { CHARACTERS } from '../../../metering/hashes.ts';
import { MOST_REMEMBERED_SUBJECTS } from '../../../metering/seen-subjects.ts';
import { SLOTS } from '../../../metering/window-slots.ts';

/** More than the 25 hours of the longest day, so that no person is forgotten while they count. */
const SLACK_MS = 7_200_000;
/** How long it is remembered what a guard has done. */
export const DONE_KEPT_MS = 86_400_000;

/**
 * KEYS[1]: the numbers of this guard's last call (`c`) and batch (`b`). Then, for each operation, the account and its people. ARGV[1]: `{days, call, heard,
 * batch, ops}`, with `heard` as the last call that the guard knows to be done, and `days` as ascending pairs of a day's number and first instant.
 */
export const ACCOUNTS_SCRIPT = `
local said = cjson.decode(ARGV[1])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local days = said.days
if now < days[1][2] or now >= days[#days][2] then
  return redis.error_reply('CLOCK the clocks of the guard and of this server are days apart')
end

local function text(number) return string.format('%.0f', number) end

local function slot_of(window, instant)
  if window ~= 'day' then return math.floor(instant * ${SLOTS} / tonumber(window)) end
  local day = days[1][1] - 1
  for _, pair in ipairs(days) do if instant >= pair[2] then day = pair[1] end end
  return day
end

local function oldest_of(window)
  if window == 'day' then return slot_of(window, now) end
  return slot_of(window, now) - ${SLOTS}
end

local function counts(window, instant) return slot_of(window, instant) >= oldest_of(window) end

local function length_of(window) return window == 'day' and 86400000 or tonumber(window) end

local function open_account(account_key, people_key)
  local account = { key = account_key, people = people_key, windows = {}, latest = 0, begun = 0, changed = {} }
  local fields = redis.call('HGETALL', account_key)
  for i = 1, #fields, 2 do
    local name, value = fields[i], tonumber(fields[i + 1])
    local window, slot = string.match(name, '^(.+):(.+)$')
    if name == 'l' then
      account.latest = value
    elseif window == 's' then
      account.windows[slot] = account.windows[slot] or { slots = {} }
      account.windows[slot].since = value
      account.begun = math.max(account.begun, value)
    else
      account.windows[window] = account.windows[window] or { slots = {} }
      account.windows[window].slots[tonumber(slot)] = value
    end
  end
  return account
end

local function put(account, window, slot, amount)
  account.windows[window].slots[slot] = amount > 0 and amount or nil
  account.changed[window .. ':' .. text(slot)] = amount
end

local function add(account, window, instant, amount)
  if amount == 0 then return end
  local slot = slot_of(window, instant)
  put(account, window, slot, (account.windows[window].slots[slot] or 0) + amount)
end

local function remove(account, window, instant, amount)
  local slot = slot_of(window, instant)
  local held = account.windows[window].slots[slot]
  if held then put(account, window, slot, math.max(0, held - amount)) end
end

local function total(account, window)
  local sum, oldest = 0, oldest_of(window)
  for slot, amount in pairs(account.windows[window].slots) do
    if slot >= oldest then sum = sum + amount else put(account, window, slot, 0) end
  end
  return sum
end

local function sights(account)
  local found, all = {}, redis.call('ZRANGE', account.people, 0, -1, 'WITHSCORES')
  for i = 2, #all, 2 do found[#found + 1] = tonumber(all[i]) end
  return found
end

local function holds(account, window)
  if account.windows[window] then return total(account, window) end
  local people = 0
  for _, sight in ipairs(sights(account)) do if counts(window, sight) then people = people + 1 end end
  return people
end

local function open_windows(account, names)
  local named = {}
  for _, window in ipairs(names) do
    named[window] = true
    if not account.windows[window] then
      account.begun = math.max(now, account.latest + 1)
      account.windows[window] = { since = account.begun, slots = {} }
      account.changed['s:' .. window] = account.begun
      for _, sight in ipairs(sights(account)) do if counts(window, sight) then add(account, window, sight, 1) end end
    end
  end
  for window in pairs(account.windows) do
    if not named[window] and total(account, window) == 0 then
      account.windows[window] = nil
      account.changed['s:' .. window] = 0
    end
  end
  if account.begun - now > ${CLOCK_SET_BACK_MS} then return now end
  return math.max(now, account.begun)
end

local function close_account(account)
  local longest = 0
  for window in pairs(account.windows) do longest = math.max(longest, length_of(window)) end
  if longest == 0 then return end
  local kept = math.ceil(longest * ${SLOTS + 1} / ${SLOTS}) + ${SLACK_MS}
  for name, value in pairs(account.changed) do
    if value > 0 then redis.call('HSET', account.key, name, text(value)) else redis.call('HDEL', account.key, name) end
  end
  redis.call('PEXPIRE', account.key, kept)
  redis.call('ZREMRANGEBYSCORE', account.people, '-inf', '(' .. text(now - kept))
  redis.call('ZREMRANGEBYRANK', account.people, 0, -${MOST_REMEMBERED_SUBJECTS} - 1)
  redis.call('PEXPIRE', account.people, kept)
end

local function give_back(account, amount, at)
  for window, held in pairs(account.windows) do if at >= held.since then remove(account, window, at, amount) end end
end

local function sight_of(at)
  for _, pair in ipairs(days) do if at < pair[2] then return math.min(now, pair[2] - 1) end end
  return now
end

-- Of people who were last seen at one time.
local function come(account, count, before, last)
  for window in pairs(account.windows) do
    if before then remove(account, window, before, count) end
    add(account, window, last, count)
  end
end

local function see(account, names, sightings)
  local by_day = false
  for _, window in ipairs(names) do if window == 'day' then by_day = true end end
  local hashes, place, seen, scores = sightings.hashes, 1, {}, {}
  for _, run in ipairs(sightings.at) do
    local count, at = run[1], run[2]
    if at > 0 then give_back(account, count, at) end
    local sight = by_day and at ~= 0 and sight_of(math.abs(at)) or now
    local shown, alike, since = text(sight), 0, nil
    for _ = 1, count do
      local key = string.sub(hashes, place, place + ${CHARACTERS - 1})
      place = place + ${CHARACTERS}
      local before = seen[key] or tonumber(redis.call('ZSCORE', account.people, key) or '')
      local last = math.max(before or sight, sight)
      seen[key] = last
      scores[#scores + 1] = last == sight and shown or text(last)
      scores[#scores + 1] = key
      if before ~= since then
        come(account, alike, since, math.max(since or sight, sight))
        alike, since = 0, before
      end
      alike = alike + 1
    end
    come(account, alike, since, math.max(since or sight, sight))
  end
  for i = 1, #scores, 1000 do redis.call('ZADD', account.people, unpack(scores, i, math.min(i + 999, #scores))) end
end

local run = {}

function run.take(account, op)
  local names = {}
  for i, ceiling in ipairs(op.ceilings) do names[i] = ceiling[1] end
  local at = open_windows(account, names)
  local granted, used = op.want, {}
  for i, ceiling in ipairs(op.ceilings) do
    used[i] = total(account, ceiling[1])
    if ceiling[2] then granted = math.min(granted, ceiling[2] - used[i]) end
  end
  granted = math.max(0, granted)
  for i in ipairs(used) do used[i] = used[i] + granted end
  if granted > 0 then
    for window in pairs(account.windows) do add(account, window, at, granted) end
    if at > account.latest then account.changed.l = at end
  end
  close_account(account)
  return { granted, at, used }
end

function run.back(account, op)
  give_back(account, op.amount, op.at)
  close_account(account)
  return 0
end

function run.saw(account, op)
  open_windows(account, op.windows)
  see(account, op.windows, op.sightings)
  close_account(account)
  return 0
end

function run.known(account, op)
  local answer, seen = {}, {}
  for i, key in ipairs(op.keys) do
    local sight = tonumber(redis.call('ZSCORE', account.people, key) or '')
    answer[i] = sight and 1 or 0
    for _, window in ipairs(op.windows) do if sight and not counts(window, sight) then answer[i] = 0 end end
    if answer[i] == 1 then seen[#seen + 1] = key end
  end
  if #seen > 0 then
    open_windows(account, op.windows)
    see(account, op.windows, { hashes = table.concat(seen), at = { { #seen, 0 } } })
    close_account(account)
  end
  return answer
end

function run.used(account, op)
  local answer = {}
  for i, window in ipairs(op.windows) do answer[i] = holds(account, window) end
  return answer
end

local last = redis.call('HMGET', KEYS[1], 'c', 'b')
local call, batch = tonumber(last[1] or 0), tonumber(last[2] or 0)
if call < said.heard then return redis.error_reply('LOST what this guard was told is done') end
local repeats = said.batch > 0 and batch >= said.batch
redis.call('HSET', KEYS[1], 'c', text(math.max(call, said.call)), 'b', text(math.max(batch, said.batch)))
redis.call('PEXPIRE', KEYS[1], ${DONE_KEPT_MS})
if repeats then return {} end
local answers = {}
for i, op in ipairs(said.ops) do
  answers[i] = run[op.run](open_account(KEYS[2 * i], KEYS[2 * i + 1]), op)
end
return answers
`;
