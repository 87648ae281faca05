package org.apache.kafka.connect.runtime.distributed;
import java.util.*;
import org.apache.kafka.common.utils.*;
import org.apache.kafka.connect.runtime.distributed.WorkerCoordinator.ConnectorsAndTasks;
import org.apache.kafka.connect.storage.ClusterConfigState;
import org.apache.kafka.connect.util.ConnectorTaskId;
/**
 * Writes sequences of rebalances, as README.md describes them, with what Kafka Connect's own assignor decides: `java ... Record 150 > assignor.json`.
 * Stands in the package of the class that it calls, whose methods are not public.
 */
public class Record {
  static class Clock implements Time {
    long now = 1_000_000;
    public long milliseconds() { return now; }
    public long nanoseconds() { return now * 1000000; }
    public void sleep(long ms) { now += ms; }
    public long hiResClockMs() { return now; }
    public void waitObject(Object o, java.util.function.Supplier<Boolean> c, long d) {}
    public org.apache.kafka.common.utils.Timer timer(long t) { return null; }
    public org.apache.kafka.common.utils.Timer timer(java.time.Duration d) { return null; }
  }
  public static void main(String[] a) {
    StringBuilder out = new StringBuilder("[\n");
    Random r = new Random(20251003);
    int cases = Integer.parseInt(a[0]);
    for (int c = 0; c < cases; c++) {
      Clock clock = new Clock();
      int maxDelay = r.nextInt(4) == 0 ? 0 : 300000;
      IncrementalCooperativeAssignor s = new IncrementalCooperativeAssignor(new LogContext(), clock, maxDelay);
      Map<String, ConnectorsAndTasks> members = new TreeMap<>();
      int nextWorker = 0;
      for (int i = 0; i < 1 + r.nextInt(4); i++) members.put(String.format("w%02d", nextWorker++), new ConnectorsAndTasks.Builder().with(new ArrayList<>(), new ArrayList<>()).build());
      TreeMap<String, Integer> configured = new TreeMap<>();
      for (int i = 0; i < 1 + r.nextInt(3); i++) configured.put("c" + i, 1 + r.nextInt(8));
      int generation = 0;
      out.append(c == 0 ? "" : ",\n").append("{\"maxDelay\":").append(maxDelay).append(",\"rounds\":[");
      int rounds = 4 + r.nextInt(8);
      for (int k = 0; k < rounds; k++) {
        Map<String, Integer> counts = new HashMap<>(); Map<String, Map<String,String>> configs = new HashMap<>(); Map<ConnectorTaskId, Map<String,String>> tasks = new HashMap<>();
        configured.forEach((n, t) -> { counts.put(n, t); configs.put(n, new HashMap<>()); for (int i = 0; i < t; i++) tasks.put(new ConnectorTaskId(n, i), new HashMap<>()); });
        ClusterConfigState state = new ClusterConfigState(k, null, counts, configs, Collections.emptyMap(), tasks, Collections.emptyMap(), Collections.emptyMap(), Collections.emptyMap(), Collections.emptySet(), Collections.emptySet());
        List<String> shown = new ArrayList<>();
        for (Map.Entry<String, ConnectorsAndTasks> e : members.entrySet()) shown.add(e.getKey());
        Map<String, ConnectorsAndTasks> copy = new TreeMap<>(); members.forEach((w, x) -> copy.put(w, new ConnectorsAndTasks.Builder().with(new ArrayList<>(x.connectors()), new ArrayList<>(x.tasks())).build()));
        IncrementalCooperativeAssignor.ClusterAssignment g = s.performTaskAssignment(state, generation, generation + 1, copy);
        generation++;
        if (k > 0) out.append(",");
        out.append("\n{\"at\":").append(clock.now - 1000000).append(",\"configured\":").append(json(configured)).append(",\"members\":{");
        boolean first = true;
        Map<String, ConnectorsAndTasks> next = new TreeMap<>();
        for (String w : shown) {
          out.append(first ? "" : ",").append("\"").append(w).append("\":[").append(list(members.get(w).connectors())).append(",").append(list(members.get(w).tasks())).append(",")
            .append(list(g.newlyAssignedConnectors(w))).append(",").append(list(g.newlyAssignedTasks(w))).append(",").append(list(g.newlyRevokedConnectors(w))).append(",").append(list(g.newlyRevokedTasks(w))).append("]");
          first = false;
          List<String> cs = new ArrayList<>(members.get(w).connectors()); cs.removeAll(g.newlyRevokedConnectors(w)); cs.addAll(g.newlyAssignedConnectors(w));
          List<ConnectorTaskId> ts = new ArrayList<>(members.get(w).tasks()); ts.removeAll(g.newlyRevokedTasks(w)); ts.addAll(g.newlyAssignedTasks(w));
          next.put(w, new ConnectorsAndTasks.Builder().with(cs, ts).build());
        }
        out.append("},\"delay\":").append(s.delay).append("}");
        members = next;
        // what happens before the next round
        int what = r.nextInt(7);
        List<String> names = new ArrayList<>(members.keySet());
        if (what <= 1 && names.size() > 1) members.remove(names.get(r.nextInt(names.size())));
        else if (what == 2 || what == 3) members.put(String.format("w%02d", nextWorker++), new ConnectorsAndTasks.Builder().with(new ArrayList<>(), new ArrayList<>()).build());
        else if (what == 4) { if (configured.size() > 1 && r.nextBoolean()) configured.remove(configured.firstKey()); else configured.put("c" + r.nextInt(5), 1 + r.nextInt(8)); }
        clock.now += s.delay > 0 && r.nextBoolean() ? s.delay : new int[]{0, 50, 1700, 70000, 299000}[r.nextInt(5)];
      }
      out.append("]}");
    }
    System.out.println(out.append("\n]"));
  }
  static String list(Collection<?> c) { StringBuilder b = new StringBuilder("["); boolean f = true; for (Object o : c) { b.append(f ? "" : ",").append("\"").append(o).append("\""); f = false; } return b.append("]").toString(); }
  static String json(TreeMap<String,Integer> m) { StringBuilder b = new StringBuilder("{"); boolean f = true; for (Map.Entry<String,Integer> e : m.entrySet()) { b.append(f ? "" : ",").append("\"").append(e.getKey()).append("\":").append(e.getValue()); f = false; } return b.append("}").toString(); }
}
