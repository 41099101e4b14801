# DBD::Pg, which is libpq for Perl's DBI: statements that it prepares at the server, COPY, asynchronous queries.
use strict;
use warnings;
use utf8;
use DBI;
use DBD::Pg qw(:pg_types :async);
use JSON::PP;

my $driver  = $ENV{ROWGATE_DRIVER};
my @columns = qw(flag number big amount ratio label day at ref doc bytes numbers names);
my $json    = JSON::PP->new->utf8->canonical;
my $connection;

$| = 1;

sub step {
    my ($name, $work) = @_;
    my $result = $work->();
    print $json->encode({ step => $name, result => $result }), "\n";
}

sub delete_notes { $connection->do('DELETE FROM notes WHERE driver = ?', undef, $driver) }
sub insert       { $connection->do('INSERT INTO notes (driver, body) VALUES (?, ?)', undef, $driver, shift) }
sub notes        { $connection->selectcol_arrayref('SELECT body FROM notes WHERE driver = ? ORDER BY body', undef, $driver) }
sub after        { 0 + $connection->selectrow_array('SELECT 42') }

# The SQLSTATE of a statement that must fail, and its message alone.
sub failure {
    my ($sql) = @_;
    eval { $connection->selectall_arrayref($sql); 1 } and die "$sql did not fail";
    return ($connection->state, $connection->pg_error_field('message_primary'));
}

step(
    connect => sub {
        my $address = "dbi:Pg:host=$ENV{PGHOST};port=$ENV{PGPORT};dbname=$ENV{PGDATABASE}";
        $connection = DBI->connect($address, $ENV{PGUSER}, $ENV{PGPASSWORD}, { RaiseError => 1, PrintError => 0, AutoCommit => 1 });
        return $connection->selectrow_array('SHOW server_version_num');
    }
);

step(
    'typed parameters' => sub {
        my @values = (
            1, 42, '9007199254740993', '1234.5600', 0.1, qq{l’été d'O'Brien "\\𝒜}, '2026-02-28', '2026-10-25 02:30:00.123456+02',
            'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{"a": [1, null, "é"]}', "\x00\xff\x10", [ 1, -2, 3 ], [ 'a,b', 'c"d', undef, '' ]
        );
        my %types = (flag => PG_BOOL, number => PG_INT4, big => PG_INT8, bytes => PG_BYTEA);
        my $statement = $connection->prepare(
            'SELECT ' . join(', ', @columns) . ' FROM things WHERE ' . join(' AND ', map { "$_ = ?" } @columns));
        for my $i (0 .. $#columns) {
            my $type = $types{ $columns[$i] };
            $statement->bind_param($i + 1, $values[$i], $type ? { pg_type => $type } : undef);
        }
        $statement->execute;
        my $row = $statement->fetchrow_hashref;
        $row->{bytes} = unpack 'H*', $row->{bytes};
        return $row;
    }
);

step(
    'prepared statements' => sub {
        my $statement = $connection->prepare('SELECT label FROM measures WHERE id = ?', { pg_prepare_now => 1 });
        my @labels;
        for (1 .. 10) {
            $statement->execute(2 * $_);
            push @labels, $statement->fetchrow_array;
        }
        return \@labels;
    }
);

step(
    transactions => sub {
        delete_notes();
        $connection->begin_work;
        insert('a');
        $connection->rollback;
        $connection->begin_work;
        insert('b');
        $connection->pg_savepoint('s');
        insert('c');
        $connection->pg_rollback_to('s');
        insert('d');
        $connection->commit;
        return notes();
    }
);

step(
    errors => sub {
        $connection->begin_work;
        my ($sqlstate, $message) = failure('SELECT 1/0');
        my ($failed) = failure('SELECT 1');
        $connection->rollback;
        return { sqlstate => $sqlstate, message => $message, failed => $failed, after => after() };
    }
);

step(
    refusal => sub {
        my $rows = eval { $connection->selectall_arrayref('SELECT ine FROM students WHERE id = 1') };
        return { rows => $rows, after => after() } if $rows;
        my ($sqlstate, $message) = ($connection->state, $connection->pg_error_field('message_primary'));
        return { sqlstate => $sqlstate, message => $message, after => after() };
    }
);

step(
    cancel => sub {
        my $join = 'SELECT count(*) FROM measures AS a, measures AS b, measures AS c';
        my $statement = $connection->prepare($join, { pg_async => PG_ASYNC });
        $statement->execute;
        select undef, undef, undef, 0.3;
        $connection->pg_cancel or die 'it was too late';
        return { sqlstate => $connection->state, after => after() };
    }
);

step(
    cursor => sub {
        my ($rows, $sum) = (0, 0);
        $connection->begin_work;
        $connection->do('DECLARE all_measures CURSOR FOR SELECT id, label FROM measures ORDER BY id');
        while (my @ids = @{ $connection->selectcol_arrayref('FETCH 1000 FROM all_measures') }) {
            $rows += @ids;
            $sum += $_ for @ids;
        }
        $connection->commit;
        return { rows => $rows, sum => $sum };
    }
);

step(
    copy => sub {
        delete_notes();
        $connection->do('COPY (SELECT id, label FROM measures WHERE id <= 1000 ORDER BY id) TO STDOUT');
        my ($out, $line) = (0);
        $out++ while $connection->pg_getcopydata($line) >= 0;
        $connection->do('COPY notes (driver, body) FROM STDIN');
        $connection->pg_putcopydata("$driver\tline $_\n") for 1 .. 1000;
        $connection->pg_putcopyend;
        my $in = @{ notes() };
        delete_notes();
        return { out => $out, in => $in };
    }
);

step(
    'tables and keys' => sub {
        my $tables = $connection->table_info(undef, 'public', 'measures', 'TABLE')->fetchall_arrayref({ TABLE_NAME => 1 });
        my $columns = $connection->column_info(undef, 'public', 'measures', undef)->fetchall_arrayref({ COLUMN_NAME => 1, TYPE_NAME => 1 });
        return [ map({ values %$_ } @$tables), map({ "$_->{COLUMN_NAME} $_->{TYPE_NAME}" } @$columns),
            $connection->primary_key(undef, 'public', 'measures') ];
    }
);

$connection->disconnect;
