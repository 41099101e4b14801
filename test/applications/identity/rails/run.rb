# frozen_string_literal: true

# Answers the requests on standard input, four threads at a time, by `application_record.rb`.
require 'active_record'
require 'logger'
require_relative 'application_record'

ActiveRecord::Base.logger = Logger.new($stderr)
ActiveRecord::Base.establish_connection(adapter: 'postgresql', pool: 2, checkout_timeout: 30)

class Pupil < ApplicationRecord
end

class Item < ApplicationRecord
  self.table_name = 'news'
end

class Broken < StandardError
end

def families(query = Pupil.where('id > 0'))
  query.map(&:family_id).join(' ')
end

def read(page)
  case page
  when 'news' then Item.pluck(:title).join
  when 'breaks'
    Pupil.update_all(note: 'half')
    raise Broken, 'of the application'
  when 'commits'
    Pupil.connection.execute('COMMIT')
    families
  else
    first = families
    Pupil.pluck(Arel.sql('nosuch')) if page == 'fails'
    sleep 0.005
    "#{first},#{families}"
  end
end

def answer(page, token)
  return families if page == 'outside'

  done = ApplicationRecord.asking(token) { read(page) }
  page == 'kept' ? families : done
end

def outcome(page, token)
  ['ok', answer(page, token)]
rescue Broken => e
  ['broken', e.message]
rescue ActiveRecord::StatementInvalid => e
  [e.cause.result.error_field(PG::Result::PG_DIAG_SQLSTATE), e.message]
end

lines = Queue.new
$stdin.each_line(chomp: true) { |line| lines << line.split("\t", -1) }
lines.close
threads = Array.new(4) do
  Thread.new do
    while (number, page, token = lines.pop)
      said = outcome(page, token.empty? ? nil : token)
      # As Rails does at the end of each request.
      ActiveRecord::Base.connection_handler.clear_active_connections!
      $stdout.write("#{[number, *said].join("\t").tr("\n", ' ')}\n")
    end
  end
end
threads.each(&:join)
