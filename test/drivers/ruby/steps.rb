# frozen_string_literal: true

# pg, which is libpq for Ruby: extended protocol with typed values, prepared statements, COPY, rows one by one.
require 'json'
require 'pg'

DRIVER = ENV.fetch('ROWGATE_DRIVER')
COLUMNS = %w[flag number big amount ratio label day at ref doc bytes numbers names].freeze

def step(name)
  puts JSON.generate({ step: name, result: yield })
  $stdout.flush
end

def query(sql, *parameters)
  @connection.exec_params(sql, parameters)
end

def failure(sql)
  query(sql)
  raise "#{sql} did not fail"
rescue PG::Error => e
  e
end

def sqlstate(error)
  error.result.error_field(PG::Result::PG_DIAG_SQLSTATE)
end

def message(error)
  error.result.error_field(PG::Result::PG_DIAG_MESSAGE_PRIMARY)
end

def after
  query('SELECT 42').getvalue(0, 0)
end

# The driver's own form of a value: its class shows.
def form(value)
  binary = value.is_a?(String) && value.encoding == Encoding::BINARY
  "#{value.class} #{binary ? value.unpack1('H*') : value.inspect}"
end

def notes
  query('SELECT body FROM notes WHERE driver = $1 ORDER BY body', DRIVER).column_values(0)
end

def delete_notes
  query('DELETE FROM notes WHERE driver = $1', DRIVER)
end

def insert(body)
  query('INSERT INTO notes (driver, body) VALUES ($1, $2)', DRIVER, body)
end

step('connect') do
  @connection = PG.connect
  @connection.type_map_for_queries = PG::BasicTypeMapForQueries.new(@connection)
  @connection.type_map_for_results = PG::BasicTypeMapForResults.new(@connection)
  query('SHOW server_version_num').getvalue(0, 0)
end

step('typed parameters') do
  values = [
    true, 42, 9_007_199_254_740_993, BigDecimal('1234.5600'), 0.1, "l’été d'O'Brien \"\\𝒜", '2026-02-28',
    Time.utc(2026, 10, 25, 0, 30, 0, 123_456), 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', { 'a' => [1, nil, 'é'] },
    PG::BasicTypeMapForQueries::BinaryData.new("\x00\xff\x10"), [1, -2, 3], ['a,b', 'c"d', nil, ''],
  ]
  conditions = COLUMNS.each_with_index.map do |column, index|
    # The driver says json, bigint[] and varchar[] of them, for which the columns have no =.
    "#{column} = $#{index + 1}#{{ 'doc' => '::jsonb', 'numbers' => '::integer[]', 'names' => '::text[]' }[column]}"
  end
  row = query("SELECT #{COLUMNS.join(', ')} FROM things WHERE #{conditions.join(' AND ')}", *values).first
  row.transform_values { |value| form(value) }
end

step('prepared statements') do
  @connection.prepare('one', 'SELECT label FROM measures WHERE id = $1')
  labels = (2..20).step(2).map { |id| @connection.exec_prepared('one', [id]).getvalue(0, 0) }
  query('DEALLOCATE one')
  labels
end

step('transactions') do
  delete_notes
  query('BEGIN')
  insert('a')
  query('ROLLBACK')
  @connection.transaction do
    insert('b')
    query('SAVEPOINT s')
    insert('c')
    query('ROLLBACK TO SAVEPOINT s')
    insert('d')
  end
  notes
end

step('errors') do
  query('BEGIN')
  first = failure('SELECT 1/0')
  second = failure('SELECT 1')
  query('ROLLBACK')
  { sqlstate: sqlstate(first), message: message(first), failed: sqlstate(second), after: after }
end

step('refusal') do
  { rows: query('SELECT ine FROM students WHERE id = 1').values, after: after }
rescue PG::InsufficientPrivilege => e
  { sqlstate: sqlstate(e), message: message(e), after: after }
end

step('cancel') do
  @connection.send_query('SELECT count(*) FROM measures AS a, measures AS b, measures AS c')
  sleep 0.3
  raise 'not sent' if @connection.cancel

  state = begin
    @connection.get_last_result
  rescue PG::QueryCanceled => e
    sqlstate(e)
  end
  { sqlstate: state, after: after }
end

step('cursor') do
  rows = 0
  sum = 0
  @connection.transaction do
    query('DECLARE all_measures CURSOR FOR SELECT id, label FROM measures ORDER BY id')
    loop do
      ids = query('FETCH 1000 FROM all_measures').column_values(0)
      break if ids.empty?

      rows += ids.size
      sum += ids.sum
    end
  end
  { rows: rows, sum: sum }
end

step('copy') do
  delete_notes
  out = 0
  @connection.copy_data('COPY (SELECT id, label FROM measures WHERE id <= 1000 ORDER BY id) TO STDOUT') do
    out += 1 while @connection.get_copy_data
  end
  @connection.copy_data('COPY notes (driver, body) FROM STDIN', PG::TextEncoder::CopyRow.new) do
    1000.times { |number| @connection.put_copy_data([DRIVER, "line #{number}"]) }
  end
  copied = notes.size
  delete_notes
  { out: out, in: copied }
end

step('rows one by one') do
  @connection.send_query_params('SELECT id, label FROM measures ORDER BY id', [])
  @connection.set_single_row_mode
  rows = 0
  sum = 0
  @connection.get_result.stream_each_row do |id, _label|
    rows += 1
    sum += id
  end
  { rows: rows, sum: sum }
end

@connection.close
