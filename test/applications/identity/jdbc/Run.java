// Answers the requests on standard input, four at a time, by Person.java with HikariCP.
import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

public class Run {
  static HikariDataSource pool;
  static Person person;

  public static void main(String[] args) throws Exception {
    HikariConfig config = new HikariConfig();
    config.setJdbcUrl("jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/" + System.getenv("PGDATABASE"));
    config.setUsername(System.getenv("PGUSER"));
    config.setPassword(System.getenv("PGPASSWORD"));
    config.addDataSourceProperty("ApplicationName", System.getenv("PGAPPNAME"));
    config.addDataSourceProperty("prepareThreshold", "2");
    config.setMaximumPoolSize(2);
    pool = new HikariDataSource(config);
    person = new Person(pool);
    ExecutorService threads = Executors.newFixedThreadPool(4);
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      String[] parts = line.split("\t", -1);
      threads.submit(() -> say(parts[0] + "\t" + outcome(parts[1], parts[2].isEmpty() ? null : parts[2])));
    }
    threads.shutdown();
    threads.awaitTermination(60, TimeUnit.SECONDS);
    pool.close();
  }

  static synchronized void say(String line) {
    System.out.println(line.replace('\n', ' '));
  }

  static String outcome(String page, String token) {
    try {
      return "ok\t" + answer(page, token);
    } catch (SQLException error) {
      return error.getSQLState() + "\t" + error.getMessage();
    } catch (IllegalStateException error) {
      return "broken\t" + error.getMessage();
    }
  }

  static String answer(String page, String token) throws SQLException {
    if (page.equals("outside")) {
      try (Connection connection = pool.getConnection()) {
        return families(connection);
      }
    }
    Connection[] kept = new Connection[1];
    String reads = person.asking(token, connection -> {
      kept[0] = connection;
      return read(page, connection);
    });
    return page.equals("kept") ? families(kept[0]) : reads;
  }

  static String read(String page, Connection connection) throws SQLException {
    switch (page) {
      case "news":
        return texts(connection, "SELECT title FROM news");
      case "breaks":
        run(connection, "UPDATE pupils SET note = 'half'");
        throw new IllegalStateException("of the application");
      case "commits":
        run(connection, "COMMIT");
        return families(connection);
      default:
        String first = families(connection);
        if (page.equals("fails")) run(connection, "SELECT nosuch FROM pupils");
        pause();
        return first + "," + families(connection);
    }
  }

  static String families(Connection connection) throws SQLException {
    return texts(connection, "SELECT family_id, id FROM pupils WHERE id > ?", 0L);
  }

  static String texts(Connection connection, String sql, long... parameters) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      for (int i = 0; i < parameters.length; i++) statement.setLong(i + 1, parameters[i]);
      List<String> texts = new ArrayList<>();
      try (ResultSet rows = statement.executeQuery()) {
        while (rows.next()) texts.add(rows.getString(1));
      }
      return String.join(" ", texts);
    }
  }

  static void run(Connection connection, String sql) throws SQLException {
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      statement.execute();
    }
  }

  static void pause() {
    try {
      Thread.sleep(5);
    } catch (InterruptedException error) {
      Thread.currentThread().interrupt();
    }
  }
}
