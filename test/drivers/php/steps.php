<?php
// PDO's driver of PostgreSQL, which is libpq: extended protocol with statements named at the server, or with simple queries; COPY.

$driver = getenv('ROWGATE_DRIVER');
$columns = explode(' ', 'flag number big amount ratio label day at ref doc bytes numbers names');
$pdo = null;

function step(string $name, callable $work): void
{
    $result = $work();
    $outcome = is_string($result) && str_starts_with($result, 'lacks ') ? ['lacks' => substr($result, 6)] : ['result' => $result];
    echo json_encode(['step' => $name] + $outcome, JSON_UNESCAPED_UNICODE | JSON_THROW_ON_ERROR), "\n";
}

function query(string $sql, array $parameters = []): PDOStatement
{
    global $pdo;
    $statement = $pdo->prepare($sql);
    $statement->execute($parameters);
    return $statement;
}

function failure(string $sql): PDOException
{
    try {
        query($sql);
    } catch (PDOException $error) {
        return $error;
    }
    throw new LogicException("$sql did not fail");
}

/** The driver puts a name of the condition before the message and the server's further fields behind it. */
function message(PDOException $error): string
{
    return preg_match('/ERROR:  (.*)/', $error->errorInfo[2], $found) ? $found[1] : $error->errorInfo[2];
}

function after(): int
{
    return query('SELECT 42')->fetchColumn();
}

function notes(): array
{
    global $driver;
    return query('SELECT body FROM notes WHERE driver = ? ORDER BY body', [$driver])->fetchAll(PDO::FETCH_COLUMN);
}

function insert(string $body): void
{
    global $driver;
    query('INSERT INTO notes (driver, body) VALUES (?, ?)', [$driver, $body]);
}

step('connect', function () {
    global $pdo;
    $address = sprintf('pgsql:host=%s;port=%s;dbname=%s', getenv('PGHOST'), getenv('PGPORT'), getenv('PGDATABASE'));
    $pdo = new PDO($address, getenv('PGUSER'), getenv('PGPASSWORD'), [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION]);
    return query('SHOW server_version_num')->fetchColumn();
});

step('typed parameters', function () {
    global $pdo, $columns;
    $bytes = fopen('php://memory', 'r+');
    fwrite($bytes, "\x00\xff\x10");
    rewind($bytes);
    $values = [
        [true, PDO::PARAM_BOOL], [42, PDO::PARAM_INT], [9007199254740993, PDO::PARAM_INT], ['1234.5600', PDO::PARAM_STR], ['0.1', PDO::PARAM_STR],
        ["l’été d'O'Brien \"\\𝒜", PDO::PARAM_STR], ['2026-02-28', PDO::PARAM_STR], ['2026-10-25 02:30:00.123456+02', PDO::PARAM_STR],
        ['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', PDO::PARAM_STR], ['{"a": [1, null, "é"]}', PDO::PARAM_STR], [$bytes, PDO::PARAM_LOB],
        ['{1,-2,3}', PDO::PARAM_STR], ['{"a,b","c\"d",NULL,""}', PDO::PARAM_STR],
    ];
    $conditions = implode(' AND ', array_map(fn ($column) => "$column = ?", $columns));
    $statement = $pdo->prepare('SELECT ' . implode(', ', $columns) . " FROM things WHERE $conditions");
    foreach ($values as $i => [$value, $type]) {
        $statement->bindValue($i + 1, $value, $type);
    }
    $statement->execute();
    $row = $statement->fetch(PDO::FETCH_ASSOC);
    return array_map(fn ($value) => is_resource($value) ? bin2hex(stream_get_contents($value)) : var_export($value, true), $row);
});

step('prepared statements', function () {
    global $pdo;
    $statement = $pdo->prepare('SELECT label FROM measures WHERE id = :id');
    $labels = [];
    for ($id = 2; $id <= 20; $id += 2) {
        $statement->execute(['id' => $id]);
        $labels[] = $statement->fetchColumn();
    }
    return $labels;
});

step('transactions', function () {
    global $pdo, $driver;
    query('DELETE FROM notes WHERE driver = ?', [$driver]);
    $pdo->beginTransaction();
    insert('a');
    $pdo->rollBack();
    $pdo->beginTransaction();
    insert('b');
    $pdo->exec('SAVEPOINT s');
    insert('c');
    $pdo->exec('ROLLBACK TO SAVEPOINT s');
    insert('d');
    $pdo->commit();
    return notes();
});

step('errors', function () {
    global $pdo;
    $pdo->beginTransaction();
    $first = failure('SELECT 1/0');
    $second = failure('SELECT 1');
    $pdo->rollBack();
    return ['sqlstate' => $first->getCode(), 'message' => message($first), 'failed' => $second->getCode(), 'after' => after()];
});

step('refusal', function () {
    try {
        return ['rows' => query('SELECT ine FROM students WHERE id = 1')->fetchAll(PDO::FETCH_NUM), 'after' => after()];
    } catch (PDOException $error) {
        return ['sqlstate' => $error->getCode(), 'message' => message($error), 'after' => after()];
    }
});

step('cancel', fn () => 'lacks PDO has none; statement_timeout ends a statement');

step('cursor', function () {
    global $pdo;
    $pdo->beginTransaction();
    $pdo->exec('DECLARE all_measures CURSOR FOR SELECT id, label FROM measures ORDER BY id');
    $rows = $sum = 0;
    while ($ids = $pdo->query('FETCH 1000 FROM all_measures')->fetchAll(PDO::FETCH_COLUMN)) {
        $rows += count($ids);
        $sum += array_sum($ids);
    }
    $pdo->commit();
    return ['rows' => $rows, 'sum' => $sum];
});

step('copy', function () {
    global $pdo, $driver;
    query('DELETE FROM notes WHERE driver = ?', [$driver]);
    $out = count($pdo->pgsqlCopyToArray('(SELECT id, label FROM measures WHERE id <= 1000 ORDER BY id)'));
    $pdo->pgsqlCopyFromArray('notes', array_map(fn ($i) => "$driver\tline $i", range(1, 1000)), fields: 'driver, body');
    $in = count(notes());
    query('DELETE FROM notes WHERE driver = ?', [$driver]);
    return ['out' => $out, 'in' => $in];
});

step('simple queries', function () {
    global $pdo;
    $pdo->setAttribute(PDO::ATTR_EMULATE_PREPARES, true);
    return query('SELECT label FROM measures WHERE id = ?', [2])->fetchColumn();
});

step('timeout', function () {
    global $pdo;
    $pdo->exec("SET statement_timeout = '200ms'");
    $error = failure('SELECT count(*) FROM measures AS a, measures AS b, measures AS c');
    $pdo->exec('RESET statement_timeout');
    return ['sqlstate' => $error->getCode(), 'after' => after()];
});
