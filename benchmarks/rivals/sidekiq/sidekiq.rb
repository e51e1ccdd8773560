# Sidekiq behind the contract of ../README.md: ruby sidekiq.rb URL COMMAND WARM COUNT LENGTH RATE
#
# As its documentation tells: jobs are pushed by perform_bulk, a thousand a call
# (https://github.com/sidekiq/sidekiq/wiki/Bulk-Queueing); a process runs a few threads, 10 by default
# (https://github.com/sidekiq/sidekiq/wiki/Advanced-Options, Concurrency); the process is that of the command sidekiq.
require "json"
require "sidekiq"

URL, COMMAND, *NUMBERS = ARGV
WARM, COUNT, LENGTH, RATE = NUMBERS.map(&:to_i)

# Makes it a server, whose pool of connections is as large as its threads need.
require "sidekiq/cli" if %w[drain latency].include?(COMMAND)

Sidekiq.configure_client { |config| config.redis = { url: URL } }
Sidekiq.configure_server { |config| config.redis = { url: URL } }
Sidekiq.logger = Logger.new(File::NULL)

# Microseconds of the clock that only goes forward.
def micros
  Process.clock_gettime(Process::CLOCK_MONOTONIC, :microsecond)
end

Mark = Struct.new(:micros, :cpu) do
  def self.now
    new(micros, Process.clock_gettime(Process::CLOCK_PROCESS_CPUTIME_ID))
  end

  def since
    now = Mark.now
    { seconds: (now.micros - micros) / 1e6, cpu: now.cpu - cpu }
  end
end

class Noop
  include Sidekiq::Job
  sidekiq_options queue: "sluice-bench", retry: true

  class << self
    attr_accessor :handler
  end

  def perform(payload)
    Noop.handler.call(payload)
  end
end

# Prints the answer and ends: the threads of Sidekiq go with the process.
def answer(facts)
  STDOUT.puts(facts.to_json)
  STDOUT.flush
  exit!(0)
end

def put(tasks)
  payload = "x" * LENGTH
  Noop.perform_bulk(Array.new(tasks) { [payload] }, batch_size: 1_000)
end

def fill
  put(WARM)
  begun = Mark.now
  put(COUNT)
  answer(begun.since)
end

# What the command sidekiq does; returns never.
def work
  cli = Sidekiq::CLI.instance
  cli.parse(["sidekiq", "--queue", "sluice-bench", "--require", File.join(__dir__, "nothing.rb")])
  cli.run
end

def drain
  lock = Mutex.new
  handled = 0
  begun = nil
  Noop.handler = lambda do |_payload|
    now = lock.synchronize { handled += 1 }
    if now == WARM
      begun = Mark.now
    elsif now == WARM + COUNT
      answer(begun.since)
    end
  end
  work
end

def latency
  lock = Mutex.new
  samples = []
  Noop.handler = lambda do |payload|
    taken = micros - payload.to_i
    now = lock.synchronize { samples.push(taken).size }
    answer({ micros: samples.drop(WARM) }) if now == WARM + COUNT
  end
  Thread.new { produce }
  work
end

def produce
  origin = micros + 2_000_000
  (WARM + COUNT).times do |i|
    due = origin + i * 1_000_000 / RATE
    left = due - micros
    sleep(left / 1e6) if left > 0
    Noop.perform_async(due.to_s.ljust(LENGTH))
  end
end

case COMMAND
when "version" then answer({ version: "Sidekiq #{Sidekiq::VERSION}, Ruby #{RUBY_VERSION}" })
when "fill" then fill
when "drain" then drain
when "latency" then latency
else abort("no command is called #{COMMAND}")
end
