// pgjdbc against a server: java -cp postgresql.jar Smoke.java HOST PORT. Exits with 0 when everything held.

import java.io.StringReader;
import java.io.StringWriter;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Timestamp;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.Objects;
import java.util.UUID;
import org.postgresql.PGConnection;
import org.postgresql.util.PSQLException;
import org.postgresql.util.ServerErrorMessage;

class Smoke {
    static void check(String what, Object got, Object want) {
        if (!Objects.deepEquals(got, want)) {
            throw new AssertionError("pgjdbc: " + what + ": got " + show(got) + ", want " + show(want));
        }
        System.out.println("pgjdbc: " + what);
    }

    static String show(Object o) {
        return o instanceof Object[] ? Arrays.deepToString((Object[]) o) : String.valueOf(o);
    }

    static ServerErrorMessage failure(Connection c, String sql) throws SQLException {
        try (Statement s = c.createStatement()) {
            s.execute(sql);
        } catch (PSQLException e) {
            return e.getServerErrorMessage();
        }
        throw new AssertionError("pgjdbc: no error from " + sql);
    }

    public static void main(String[] args) throws Exception {
        String base = "jdbc:postgresql://" + args[0] + ":" + args[1] + "/postgres?user=postgres&connectTimeout=20";
        try (Connection c = DriverManager.getConnection(base)) {
            check("connects", c.getMetaData().getDatabaseProductName(), "PostgreSQL");
            run(c);
        }
        // Every value in binary format, every statement prepared on the server at once.
        try (Connection c = DriverManager.getConnection(base + "&prepareThreshold=-1&binaryTransfer=true")) {
            run(c);
        }
        try (Connection c = DriverManager.getConnection(base + "&preferQueryMode=extendedCacheEverything")) {
            run(c);
        }
    }

    static void run(Connection c) throws Exception {
        try (Statement s = c.createStatement()) {
            s.execute("DROP TABLE IF EXISTS jdbc_smoke");
            s.execute("CREATE TABLE jdbc_smoke (id integer PRIMARY KEY, big bigint, price numeric(12,3), ratio float8, ok boolean,"
                + " name text NOT NULL, raw bytea, day date, at timestamptz, tag uuid, words text[],"
                + " CONSTRAINT jdbc_smoke_price_check CHECK (price >= 0))");
        }
        byte[] raw = {0, -1, 16};
        OffsetDateTime at = OffsetDateTime.of(2024, 2, 29, 12, 30, 1, 250_000_000, ZoneOffset.UTC);
        UUID tag = new UUID(1234, 5678);
        String[] words = {"a", "b\"c", null, "NULL", ""};
        try (PreparedStatement p = c.prepareStatement("INSERT INTO jdbc_smoke VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")) {
            p.setInt(1, 1);
            p.setLong(2, 1L << 62);
            p.setBigDecimal(3, new BigDecimal("12345.678"));
            p.setDouble(4, 0.1);
            p.setBoolean(5, true);
            p.setString(6, "naïve ‘text’");
            p.setBytes(7, raw);
            p.setObject(8, LocalDate.of(2024, 2, 29));
            p.setObject(9, at);
            p.setObject(10, tag);
            p.setArray(11, c.createArrayOf("text", words));
            check("insert", p.executeUpdate(), 1);
        }
        try (PreparedStatement p = c.prepareStatement("SELECT * FROM jdbc_smoke WHERE id = ?")) {
            // Often enough that the driver turns to a named statement and to binary transfer.
            for (int n = 0; n < 8; n++) {
                p.setInt(1, 1);
                try (ResultSet r = p.executeQuery()) {
                    r.next();
                    Object[] got = {r.getInt(1), r.getLong(2), r.getBigDecimal(3), r.getDouble(4), r.getBoolean(5), r.getString(6),
                        r.getBytes(7), r.getObject(8, LocalDate.class), r.getObject(9, OffsetDateTime.class), r.getObject(10),
                        r.getArray(11).getArray()};
                    Object[] want = {1, 1L << 62, new BigDecimal("12345.678"), 0.1, true, "naïve ‘text’", raw,
                        LocalDate.of(2024, 2, 29), at, tag, words};
                    if (n == 0 || n == 7) {
                        check("values, execution " + n, got, want);
                    }
                }
            }
        }
        c.setAutoCommit(false);
        try (PreparedStatement p = c.prepareStatement("INSERT INTO jdbc_smoke (id, name) VALUES (?, ?)")) {
            for (int n = 2; n <= 1001; n++) {
                p.setInt(1, n);
                p.setString(2, "row " + n);
                p.addBatch();
            }
            check("a batch", Arrays.stream(p.executeBatch()).sum(), 1000);
        }
        c.commit();
        try (Statement s = c.createStatement()) {
            s.setFetchSize(100);
            int rows = 0;
            try (ResultSet r = s.executeQuery("SELECT id FROM jdbc_smoke ORDER BY id")) {
                while (r.next()) {
                    rows++;
                    if (r.getInt(1) != rows) {
                        throw new AssertionError("pgjdbc: row " + rows + " is " + r.getInt(1));
                    }
                }
            }
            check("a portal in parts", rows, 1001);
        }
        c.rollback();
        c.setAutoCommit(true);

        var copy = c.unwrap(PGConnection.class).getCopyAPI();
        try (Statement s = c.createStatement()) {
            s.execute("DROP TABLE IF EXISTS jdbc_copy");
            s.execute("CREATE TABLE jdbc_copy (id integer, name text)");
        }
        StringBuilder rows = new StringBuilder();
        for (int n = 0; n < 5000; n++) {
            rows.append(n).append(",\"row, ").append(n).append("\"\n");
        }
        check("COPY in", copy.copyIn("COPY jdbc_copy FROM STDIN (FORMAT csv)", new StringReader(rows.toString())), 5000L);
        StringWriter out = new StringWriter();
        copy.copyOut("COPY (SELECT * FROM jdbc_copy ORDER BY id) TO STDOUT (FORMAT csv)", out);
        check("COPY out", out.toString(), rows.toString());

        ServerErrorMessage e = failure(c, "INSERT INTO jdbc_smoke (id, name) VALUES (1, 'again')");
        check("unique violation",
            new Object[] {e.getSQLState(), e.getSeverity(), e.getSchema(), e.getTable(), e.getConstraint(), e.getDetail()},
            new Object[] {"23505", "ERROR", "public", "jdbc_smoke", "jdbc_smoke_pkey", "Key (id)=(1) already exists."});
        e = failure(c, "INSERT INTO jdbc_smoke (id, name, price) VALUES (2000, 'x', -1)");
        check("check violation", new Object[] {e.getSQLState(), e.getConstraint()}, new Object[] {"23514", "jdbc_smoke_price_check"});
        e = failure(c, "SELECT * FROM jdbc_smoke WHERE nothing = 1");
        check("position", new Object[] {e.getSQLState(), e.getPosition()}, new Object[] {"42703", 32});

        try (Statement s = c.createStatement()) {
            Thread canceller = new Thread(() -> {
                try {
                    Thread.sleep(300);
                    s.cancel();
                } catch (Exception x) {
                    System.err.println("pgjdbc: cancel: " + x);
                }
            });
            canceller.start();
            long began = System.nanoTime();
            String state = "none";
            try {
                s.execute("SELECT pg_sleep(60)");
            } catch (SQLException x) {
                state = x.getSQLState();
            }
            canceller.join();
            check("cancel", state, "57014");
            check("in time", System.nanoTime() - began < 30_000_000_000L, true);
        }
        try (Statement s = c.createStatement()) {
            s.execute("DROP TABLE jdbc_smoke, jdbc_copy");
        }
    }
}
