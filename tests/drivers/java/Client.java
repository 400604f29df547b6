import com.pgvector.PGvector;
import java.io.StringReader;
import java.io.StringWriter;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyManager;

/** pgjdbc with pgvector-java; the first argument is preferQueryMode. Statements are prepared at their first use. */
public final class Client {
    private final Map<String, String> report = new TreeMap<>();
    private final Connection connection;

    private Client(Connection connection) {
        this.connection = connection;
    }

    public static void main(String[] arguments) throws Exception {
        Map<String, String> environment = System.getenv();
        String url = "jdbc:postgresql://" + environment.get("PGHOST") + ":" + environment.get("PGPORT") + "/"
            + environment.get("PGDATABASE");
        Properties properties = new Properties();
        properties.setProperty("user", environment.get("PGUSER"));
        properties.setProperty("password", environment.getOrDefault("PGPASSWORD", ""));
        properties.setProperty("preferQueryMode", arguments[0]);
        if (environment.containsKey("PGSSLMODE")) {
            properties.setProperty("sslmode", environment.get("PGSSLMODE"));
            properties.setProperty("sslrootcert", environment.get("PGSSLROOTCERT"));
        }
        properties.setProperty("prepareThreshold", "1");
        properties.setProperty("reWriteBatchedInserts", "true");
        try (Connection connection = DriverManager.getConnection(url, properties)) {
            PGvector.addVectorType(connection);
            Client client = new Client(connection);
            client.fill();
            client.search();
            client.transact();
            client.copy();
            client.inspect();
            client.cancel();
            List<String> members = new ArrayList<>();
            client.report.forEach((name, value) -> members.add("\"" + name + "\": " + value));
            System.out.println("{" + String.join(", ", members) + "}");
        }
    }

    private void fill() throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.execute("DROP TABLE IF EXISTS program_items");
            statement.execute("CREATE TABLE program_items (id bigint PRIMARY KEY, embedding vector(3))");
        }
        try (PreparedStatement insert = connection.prepareStatement("INSERT INTO program_items VALUES (?, ?)")) {
            for (int id = 1; id <= 20; id++) {
                insert.setLong(1, id);
                insert.setObject(2, new PGvector(new float[] {id, 0, 0}));
                insert.addBatch();
            }
            insert.executeBatch();
        }
    }

    private void search() throws SQLException {
        String nearest = "SELECT id FROM program_items ORDER BY embedding <-> ? LIMIT ?";
        try (PreparedStatement select = connection.prepareStatement(nearest)) {
            for (int turn = 0; turn < 3; turn++) {
                select.setObject(1, new PGvector(new float[] {7.2f, 0, 0}));
                select.setInt(2, 3);
                List<Long> ids = new ArrayList<>();
                try (ResultSet rows = select.executeQuery()) {
                    while (rows.next()) {
                        ids.add(rows.getLong(1));
                    }
                }
                report.put("nearest", ids.toString());
            }
        }
        try (Statement statement = connection.createStatement();
            ResultSet rows = statement.executeQuery("SELECT embedding FROM program_items WHERE id = 7")) {
            rows.next();
            float[] found = ((PGvector) rows.getObject(1)).toArray();
            report.put("vector", "[" + found[0] + ", " + found[1] + ", " + found[2] + "]");
        }
    }

    private void transact() throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.executeQuery("SELECT * FROM nowhere");
        } catch (SQLException error) {
            report.put("error", quoted(error.getSQLState()));
        }
        connection.setAutoCommit(false);
        try (Statement statement = connection.createStatement()) {
            statement.setFetchSize(7);
            int count = 0;
            try (ResultSet rows = statement.executeQuery("SELECT id FROM program_items")) {
                while (rows.next()) {
                    count++;
                }
            }
            report.put("in_pieces", String.valueOf(count));
            statement.executeUpdate("DELETE FROM program_items");
        }
        connection.rollback();
        connection.setAutoCommit(true);
        report.put("rolled_back", one("SELECT count(*) FROM program_items"));
    }

    private void copy() throws Exception {
        CopyManager manager = connection.unwrap(PGConnection.class).getCopyAPI();
        StringBuilder lines = new StringBuilder();
        for (int id = 1001; id <= 2000; id++) {
            lines.append(id).append("\t[").append(id).append(",1,2]\n");
        }
        long copied = manager.copyIn("COPY program_items FROM STDIN", new StringReader(lines.toString()));
        report.put("copied_in", String.valueOf(copied));
        StringWriter target = new StringWriter();
        manager.copyOut("COPY (SELECT * FROM program_items WHERE id > 1000) TO STDOUT", target);
        report.put("copied_out", String.valueOf(target.toString().lines().count()));
    }

    private void inspect() throws SQLException {
        DatabaseMetaData metadata = connection.getMetaData();
        List<String> columns = new ArrayList<>();
        try (ResultSet rows = metadata.getColumns(null, "public", "program_items", "%")) {
            while (rows.next()) {
                columns.add(quoted(rows.getString("COLUMN_NAME") + " " + rows.getString("TYPE_NAME")));
            }
        }
        report.put("columns", columns.toString());
        try (ResultSet rows = metadata.getPrimaryKeys(null, "public", "program_items")) {
            rows.next();
            report.put("primary_key", quoted(rows.getString("COLUMN_NAME")));
        }
        try (ResultSet rows = metadata.getIndexInfo(null, "public", "program_items", true, false)) {
            rows.next();
            report.put("index", quoted(rows.getString("INDEX_NAME")));
        }
        try (ResultSet rows = metadata.getTables(null, "public", "program_items", new String[] {"TABLE"})) {
            rows.next();
            report.put("table", quoted(rows.getString("TABLE_NAME")));
        }
    }

    private void cancel() throws SQLException {
        try (Statement statement = connection.createStatement()) {
            statement.setQueryTimeout(1);
            statement.execute("SELECT pg_sleep(30)");
        } catch (SQLException error) {
            report.put("cancelled", quoted(error.getSQLState()));
        }
        report.put("afterwards", one("SELECT 1"));
    }

    private String one(String query) throws SQLException {
        try (Statement statement = connection.createStatement();
            ResultSet rows = statement.executeQuery(query)) {
            rows.next();
            return rows.getString(1);
        }
    }

    private static String quoted(String text) {
        return "\"" + text + "\"";
    }
}
