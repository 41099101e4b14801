// JDBC's driver of PostgreSQL: extended protocol, statements named at the server from the second execution on, portals for its fetch size.
import java.io.StringReader;
import java.io.StringWriter;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.Timer;
import java.util.TimerTask;
import java.util.UUID;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyManager;
import org.postgresql.util.PGobject;
import org.postgresql.util.PSQLException;

public class Steps {
  interface Step {
    String take() throws Exception;
  }

  static final String DRIVER = System.getenv("ROWGATE_DRIVER");
  static Connection connection;

  public static void main(String[] args) throws Exception {
    step("connect", Steps::connect);
    step("typed parameters", Steps::typedParameters);
    step("prepared statements", Steps::preparedStatements);
    step("transactions", Steps::transactions);
    step("errors", Steps::errors);
    step("refusal", Steps::refusal);
    step("cancel", Steps::cancel);
    step("cursor", Steps::cursor);
    step("copy", Steps::copy);
    step("batch with an error", Steps::batch);
    step("keys and metadata", Steps::metadata);
    connection.close();
  }

  static void step(String name, Step work) throws Exception {
    String outcome;
    try {
      outcome = "\"result\":" + work.take();
    } catch (SQLException error) {
      outcome = "\"failed\":" + json(error.getSQLState() + " " + error.getMessage());
      connection.setAutoCommit(true);
    }
    System.out.write(("{\"step\":" + json(name) + "," + outcome + "}\n").getBytes("UTF-8"));
    System.out.flush();
  }

  static String connect() throws SQLException {
    Properties properties = new Properties();
    properties.setProperty("user", System.getenv("PGUSER"));
    properties.setProperty("password", System.getenv("PGPASSWORD"));
    properties.setProperty("sslmode", System.getenv("PGSSLMODE"));
    if (System.getenv("PGSSLROOTCERT") != null) properties.setProperty("sslrootcert", System.getenv("PGSSLROOTCERT"));
    properties.setProperty("prepareThreshold", "2");
    String address = System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/" + System.getenv("PGDATABASE");
    connection = DriverManager.getConnection("jdbc:postgresql://" + address, properties);
    return json(String.join("", strings("SHOW server_version_num")));
  }

  static String typedParameters() throws SQLException {
    String[] columns = "flag number big amount ratio label day at ref doc bytes numbers names".split(" ");
    PGobject doc = new PGobject();
    doc.setType("jsonb");
    doc.setValue("{\"a\": [1, null, \"é\"]}");
    Object[] values = {
      true, 42, 9007199254740993L, new java.math.BigDecimal("1234.5600"), 0.1, "l’été d'O'Brien \"\\𝒜",
      LocalDate.of(2026, 2, 28), OffsetDateTime.parse("2026-10-25T02:30:00.123456+02:00"),
      UUID.fromString("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"), doc, new byte[] {0, (byte) 0xff, 0x10},
      connection.createArrayOf("integer", new Integer[] {1, -2, 3}),
      connection.createArrayOf("text", new String[] {"a,b", "c\"d", null, ""}),
    };
    String sql = "SELECT " + String.join(", ", columns) + " FROM things WHERE " + String.join(" = ? AND ", columns) + " = ?";
    // Once unnamed, once named at the server, once with results in binary.
    String first = null;
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      for (int i = 0; i < values.length; i++) statement.setObject(i + 1, values[i]);
      for (int run = 0; run < 3; run++) {
        try (ResultSet rows = statement.executeQuery()) {
          rows.next();
          List<String> members = new ArrayList<>();
          for (String column : columns) members.add(json(column) + ":" + json(form(rows.getObject(column))));
          String found = "{" + String.join(",", members) + "}";
          if (first != null && !first.equals(found)) throw new IllegalStateException(first + " then " + found);
          first = found;
        }
      }
    }
    return first;
  }

  static String form(Object value) throws SQLException {
    if (value instanceof byte[]) return new java.math.BigInteger(1, (byte[]) value).toString(16);
    if (value instanceof java.sql.Timestamp) return ((java.sql.Timestamp) value).toInstant().toString();
    if (value instanceof java.sql.Array) return form(java.util.Arrays.toString((Object[]) ((java.sql.Array) value).getArray()));
    return value.getClass().getSimpleName() + " " + value;
  }

  static String preparedStatements() throws SQLException {
    List<String> labels = new ArrayList<>();
    try (PreparedStatement statement = connection.prepareStatement("SELECT label FROM measures WHERE id = ?")) {
      for (int id = 2; id <= 20; id += 2) {
        statement.setInt(1, id);
        try (ResultSet rows = statement.executeQuery()) {
          rows.next();
          labels.add(json(rows.getString(1)));
        }
      }
      if (!statement.unwrap(org.postgresql.PGStatement.class).isUseServerPrepare()) throw new IllegalStateException("not named");
    }
    return labels.toString();
  }

  static String transactions() throws SQLException {
    update("DELETE FROM notes WHERE driver = ?", DRIVER);
    connection.setAutoCommit(false);
    insert("a");
    connection.rollback();
    insert("b");
    Savepoint savepoint = connection.setSavepoint("s");
    insert("c");
    connection.rollback(savepoint);
    insert("d");
    connection.commit();
    connection.setAutoCommit(true);
    List<String> bodies = new ArrayList<>();
    for (String body : strings("SELECT body FROM notes WHERE driver = ? ORDER BY body", DRIVER)) bodies.add(json(body));
    return bodies.toString();
  }

  static void insert(String body) throws SQLException {
    update("INSERT INTO notes (driver, body) VALUES (?, ?)", DRIVER, body);
  }

  static String errors() throws SQLException {
    connection.setAutoCommit(false);
    PSQLException first = failure("SELECT 1/0");
    PSQLException second = failure("SELECT 1");
    connection.rollback();
    connection.setAutoCommit(true);
    return "{" + told(first) + ",\"failed\":" + json(second.getSQLState()) + "," + after() + "}";
  }

  static String refusal() throws SQLException {
    try {
      return "{\"rows\":[[" + json(String.join("", strings("SELECT ine FROM students WHERE id = 1"))) + "]]," + after() + "}";
    } catch (PSQLException error) {
      return "{" + told(error) + "," + after() + "}";
    }
  }

  static String cancel() throws SQLException {
    try (Statement statement = connection.createStatement()) {
      Timer timer = new Timer();
      timer.schedule(new TimerTask() {
        public void run() {
          try {
            statement.cancel();
          } catch (SQLException error) {
            error.printStackTrace();
          }
        }
      }, 300);
      try {
        statement.executeQuery("SELECT count(*) FROM measures AS a, measures AS b, measures AS c");
        throw new IllegalStateException("not cancelled");
      } catch (PSQLException error) {
        return "{\"sqlstate\":" + json(error.getSQLState()) + "," + after() + "}";
      } finally {
        timer.cancel();
      }
    }
  }

  static String cursor() throws SQLException {
    long rows = 0;
    long sum = 0;
    connection.setAutoCommit(false);
    try (PreparedStatement statement = connection.prepareStatement("SELECT id, label FROM measures ORDER BY id")) {
      statement.setFetchSize(1000);
      try (ResultSet result = statement.executeQuery()) {
        for (; result.next(); rows++) sum += result.getLong(1);
      }
    }
    connection.commit();
    connection.setAutoCommit(true);
    return "{\"rows\":" + rows + ",\"sum\":" + sum + "}";
  }

  static String copy() throws Exception {
    update("DELETE FROM notes WHERE driver = ?", DRIVER);
    CopyManager copy = connection.unwrap(PGConnection.class).getCopyAPI();
    StringWriter out = new StringWriter();
    copy.copyOut("COPY (SELECT id, label FROM measures WHERE id <= 1000 ORDER BY id) TO STDOUT", out);
    StringBuilder lines = new StringBuilder();
    for (int i = 0; i < 1000; i++) lines.append(DRIVER + "\tline " + i + "\n");
    copy.copyIn("COPY notes (driver, body) FROM STDIN", new StringReader(lines.toString()));
    String in = strings("SELECT count(*)::text FROM notes WHERE driver = ?", DRIVER).get(0);
    update("DELETE FROM notes WHERE driver = ?", DRIVER);
    return "{\"out\":" + out.toString().lines().count() + ",\"in\":" + in + "}";
  }

  /** Three inserts sent in one go, of which the second fails: without autocommit nothing of them stays. */
  static String batch() throws SQLException {
    connection.setAutoCommit(false);
    String told;
    try (PreparedStatement statement = connection.prepareStatement("INSERT INTO notes (driver, body) VALUES (?, ?)")) {
      for (String body : new String[] {"one", null, "three"}) {
        statement.setString(1, DRIVER);
        statement.setString(2, body);
        statement.addBatch();
      }
      statement.executeBatch();
      throw new IllegalStateException("the batch did not fail");
    } catch (java.sql.BatchUpdateException error) {
      told = json(error.getSQLState());
    }
    connection.rollback();
    connection.setAutoCommit(true);
    return "{\"sqlstate\":" + told + ",\"notes\":" + strings("SELECT count(*)::text FROM notes WHERE driver = ?", DRIVER) + "}";
  }

  /** Columns, primary key and indexes of a table from the catalog, and columns of a result. */
  static String metadata() throws SQLException {
    DatabaseMetaData metadata = connection.getMetaData();
    List<String> found = new ArrayList<>();
    try (ResultSet keys = metadata.getPrimaryKeys(null, "public", "measures")) {
      while (keys.next()) found.add(json("key " + keys.getString("COLUMN_NAME")));
    }
    try (ResultSet columns = metadata.getColumns(null, "public", "measures", "%")) {
      while (columns.next()) found.add(json(columns.getString("COLUMN_NAME") + " " + columns.getString("TYPE_NAME")));
    }
    try (ResultSet indexes = metadata.getIndexInfo(null, "public", "measures", false, false)) {
      while (indexes.next()) found.add(json("index " + indexes.getString("INDEX_NAME") + " " + indexes.getString("COLUMN_NAME")));
    }
    try (Statement statement = connection.createStatement(); ResultSet rows = statement.executeQuery("SELECT id AS n FROM measures WHERE id = 2")) {
      org.postgresql.PGResultSetMetaData columns = rows.getMetaData().unwrap(org.postgresql.PGResultSetMetaData.class);
      found.add(json(columns.getBaseTableName(1) + "." + columns.getBaseColumnName(1)));
    }
    found.add(json(everyMethod(metadata)));
    return found.toString();
  }

  /** Which methods fail, of all that the driver implements: what tools of Java read a schema by. */
  static String everyMethod(DatabaseMetaData metadata) {
    int answered = 0;
    List<String> failed = new ArrayList<>();
    for (java.lang.reflect.Method method : DatabaseMetaData.class.getMethods()) {
      if (method.getDeclaringClass() != DatabaseMetaData.class) continue;
      Class<?>[] types = method.getParameterTypes();
      Object[] arguments = new Object[types.length];
      int text = 0;
      // A catalog, a schema, a table, and a column.
      String[] texts = {null, "public", "measures", "getCrossReference".equals(method.getName()) ? null : "%", "public", "measures"};
      for (int i = 0; i < types.length; i++) {
        if (types[i] == String.class) arguments[i] = texts[text++];
        else if (types[i] == int.class) arguments[i] = 2;
        else if (types[i] == boolean.class) arguments[i] = true;
      }
      try {
        Object value = method.invoke(metadata, arguments);
        if (value instanceof ResultSet) {
          try (ResultSet rows = (ResultSet) value) {
            while (rows.next()) for (int i = 1; i <= rows.getMetaData().getColumnCount(); i++) rows.getString(i);
          }
        }
        answered += 1;
      } catch (java.lang.reflect.InvocationTargetException error) {
        if (!(error.getCause() instanceof java.sql.SQLFeatureNotSupportedException)) failed.add(method.getName() + " " + error.getCause());
      } catch (Exception error) {
        failed.add(method.getName() + " " + error);
      }
    }
    java.util.Collections.sort(failed);
    return answered > 100 && failed.isEmpty() ? "every method" : answered + " methods, and not " + failed;
  }

  static void update(String sql, String... parameters) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      for (int i = 0; i < parameters.length; i++) statement.setString(i + 1, parameters[i]);
      statement.executeUpdate();
    }
  }

  static List<String> strings(String sql, String... parameters) throws SQLException {
    List<String> values = new ArrayList<>();
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      for (int i = 0; i < parameters.length; i++) statement.setString(i + 1, parameters[i]);
      try (ResultSet rows = statement.executeQuery()) {
        while (rows.next()) values.add(rows.getString(1));
      }
    }
    return values;
  }

  static PSQLException failure(String sql) throws SQLException {
    try {
      strings(sql);
    } catch (PSQLException error) {
      return error;
    }
    throw new IllegalStateException(sql + " did not fail");
  }

  static String told(PSQLException error) {
    return "\"sqlstate\":" + json(error.getSQLState()) + ",\"message\":" + json(error.getServerErrorMessage().getMessage());
  }

  static String after() throws SQLException {
    return "\"after\":" + strings("SELECT 42").get(0);
  }

  static String json(String text) {
    return "\"" + text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n") + "\"";
  }
}
