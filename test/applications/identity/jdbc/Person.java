// JDBC: each connection is handed out with the token of its request.
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import javax.sql.DataSource;

final class Person {
  interface Work<T> {
    T with(Connection connection) throws SQLException;
  }

  private final DataSource pool;

  Person(DataSource pool) {
    this.pool = pool;
  }

  /** Runs the work in a transaction of the token's end user; null: of none. */
  <T> T asking(String token, Work<T> work) throws SQLException {
    try (Connection connection = pool.getConnection()) {
      connection.setAutoCommit(false);
      try (PreparedStatement set = connection.prepareStatement("SELECT set_config('rowgate.token', ?, true)")) {
        set.setString(1, token);
        set.execute();
        T done = work.with(connection);
        connection.commit();
        return done;
      } finally {
        connection.rollback(); // nothing, where it was committed; not every pool does it
      }
    }
  }
}
