import java.nio.ByteBuffer;
import java.util.*;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Assignment;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.Subscription;
import org.apache.kafka.common.*;
import org.apache.kafka.coordinator.group.assignor.AssignmentMemberSpec;
import org.apache.kafka.coordinator.group.assignor.AssignmentSpec;
import org.apache.kafka.coordinator.group.assignor.PartitionAssignor;
import org.apache.kafka.coordinator.group.assignor.SubscribedTopicDescriber;
import org.apache.kafka.coordinator.group.assignor.UniformAssignor;

/** Prints so many drawn groups, one JSON object a line, each with what Kafka's own assignor made of it. */
public class Record {
  static final String[] KINDS = {"range", "roundrobin", "sticky", "cooperative-sticky", "uniform", "server-range"};
  static final Random random = new Random(848);

  static class Drawn {
    String kind;
    final List<String> topics = new ArrayList<>();
    final List<Integer> partitions = new ArrayList<>();
    final List<String> ids = new ArrayList<>();
    final List<List<Integer>> subscriptions = new ArrayList<>();
    final List<String> instances = new ArrayList<>();
    /** By member: {topic, partition}. */
    final List<List<int[]>> owned = new ArrayList<>();
    int[] generations;
  }

  public static void main(String[] args) {
    StringBuilder out = new StringBuilder();
    int drawn = Integer.parseInt(args[0]);
    for (int n = 0; n < drawn + Integer.parseInt(args[1]); n++) {
      Drawn d = n < drawn ? draw(n) : drawUneven(n);
      boolean server = d.kind.equals("uniform") || d.kind.equals("server-range");
      try {
        out.append(line(d, server ? byCoordinator(d) : byClient(d))).append("\n");
      } catch (NullPointerException e) {
        // Kafka 3.7.1 fails where an earlier owner is a member that has all it may have. Another one is drawn.
        n--;
      }
    }
    System.out.print(out);
  }

  static Drawn draw(int n) {
    Drawn d = new Drawn();
    d.kind = KINDS[n % 6];
    int topics = 1 + random.nextInt(4);
    int members = n % 60 >= 54 ? 30 + random.nextInt(60) : 1 + random.nextInt(9);
    for (int t = 0; t < topics; t++) {
      d.topics.add("t" + (char) ('a' + t));
      d.partitions.add(random.nextInt(5) == 0 ? 1 : 1 + random.nextInt(members > 20 ? 120 : 20));
    }
    boolean classicFresh = d.kind.equals("range") || d.kind.equals("roundrobin");
    boolean equal = d.kind.equals("uniform") || random.nextInt(3) > 0;
    boolean fresh = random.nextInt(3) == 0 || classicFresh;
    for (int m = 0; m < members; m++) d.ids.add("consumer-g" + random.nextInt(3) + "-" + (m + 1));
    Collections.shuffle(d.ids, random);
    d.generations = new int[members];
    for (int m = 0; m < members; m++) {
      List<Integer> subscribed = new ArrayList<>();
      for (int t = 0; t < topics; t++) if (equal || random.nextInt(3) > 0) subscribed.add(t);
      if (subscribed.isEmpty()) subscribed.add(random.nextInt(topics));
      d.subscriptions.add(subscribed);
      d.instances.add(random.nextInt(4) == 0 && classicFresh ? "i" + random.nextInt(1000) + "-" + m : null);
      d.owned.add(new ArrayList<>());
      d.generations[m] = fresh ? -1 : (random.nextInt(8) == 0 ? 6 : 7);
    }
    if (!fresh) drawOwners(d);
    return d;
  }

  /** Members of different subscriptions under the sticky assignors, with uneven shares from several generations. */
  static Drawn drawUneven(int n) {
    Drawn d = new Drawn();
    d.kind = KINDS[2 + n % 2];
    int topics = 2 + random.nextInt(5);
    int members = 3 + random.nextInt(6);
    for (int t = 0; t < topics; t++) {
      d.topics.add("t" + (char) ('a' + t));
      d.partitions.add(1 + random.nextInt(12));
    }
    d.generations = new int[members];
    for (int m = 0; m < members; m++) {
      d.ids.add("consumer-g" + random.nextInt(3) + "-" + (m + 1));
      List<Integer> subscribed = new ArrayList<>();
      for (int t = 0; t < topics; t++) if (random.nextInt(2) == 0) subscribed.add(t);
      if (subscribed.isEmpty()) subscribed.add(random.nextInt(topics));
      d.subscriptions.add(subscribed);
      d.instances.add(null);
      d.owned.add(new ArrayList<>());
      d.generations[m] = 5 + random.nextInt(3);
    }
    for (int t = 0; t < topics; t++) {
      for (int p = 0; p < d.partitions.get(t); p++) {
        int m = random.nextInt(1 + random.nextInt(members));
        // Now and then a topic that the owner subscribes to no more.
        if (d.subscriptions.get(m).contains(t) || n % 5 == 0) d.owned.get(m).add(new int[] {t, p});
        // An owner of an earlier generation claims it as well.
        int other = random.nextInt(members);
        if (other != m && random.nextInt(2) == 0 && d.subscriptions.get(other).contains(t))
          d.owned.get(other).add(new int[] {t, p});
      }
    }
    return d;
  }

  /** Some partitions had no owner, some members are new, and under the sticky assignors some partitions are claimed twice. */
  static void drawOwners(Drawn d) {
    int members = d.ids.size();
    boolean[] isNew = new boolean[members];
    for (int m = 0; m < members; m++) isNew[m] = random.nextInt(4) == 0;
    boolean anywhere = random.nextInt(2) == 0;
    for (int t = 0; t < d.topics.size(); t++) {
      for (int p = 0; p < d.partitions.get(t); p++) {
        if (random.nextInt(10) == 0) continue;
        int m = anywhere ? random.nextInt(members) : (p + t) % members;
        if (isNew[m] || !d.subscriptions.get(m).contains(t)) continue;
        d.owned.get(m).add(new int[] {t, p});
        if (random.nextInt(40) == 0 && d.kind.contains("sticky")) {
          int other = random.nextInt(members);
          if (other != m && !isNew[other] && d.subscriptions.get(other).contains(t))
            d.owned.get(other).add(new int[] {t, p});
        }
      }
    }
    for (int m = 0; m < members; m++) if (isNew[m]) d.generations[m] = -1;
  }

  static Map<String, List<int[]>> byCoordinator(Drawn d) {
    List<Uuid> topicIds = new ArrayList<>();
    Map<Uuid, Integer> counts = new HashMap<>();
    for (int t = 0; t < d.topics.size(); t++) {
      topicIds.add(new Uuid(0, t + 1));
      counts.put(topicIds.get(t), d.partitions.get(t));
    }
    Map<String, AssignmentMemberSpec> members = new HashMap<>();
    for (int m = 0; m < d.ids.size(); m++) {
      Map<Uuid, Set<Integer>> owned = new HashMap<>();
      for (int[] x : d.owned.get(m)) owned.computeIfAbsent(topicIds.get(x[0]), k -> new HashSet<>()).add(x[1]);
      Set<Uuid> subscribed = d.subscriptions.get(m).stream().map(topicIds::get).collect(Collectors.toSet());
      members.put(d.ids.get(m), new AssignmentMemberSpec(Optional.empty(), Optional.empty(), subscribed, owned));
    }
    SubscribedTopicDescriber describer = new SubscribedTopicDescriber() {
      public int numPartitions(Uuid topic) {
        return counts.getOrDefault(topic, -1);
      }

      public Set<String> racksForPartition(Uuid topic, int partition) {
        return Collections.emptySet();
      }
    };
    PartitionAssignor assignor = d.kind.equals("uniform")
        ? new UniformAssignor()
        : new org.apache.kafka.coordinator.group.assignor.RangeAssignor();
    var made = assignor.assign(new AssignmentSpec(members), describer).members();
    Map<String, List<int[]>> result = new HashMap<>();
    for (String id : d.ids) {
      List<int[]> own = new ArrayList<>();
      if (made.get(id) != null)
        made.get(id).targetPartitions().forEach((topic, partitions) ->
            partitions.forEach(p -> own.add(new int[] {topicIds.indexOf(topic), p})));
      result.put(id, own);
    }
    return result;
  }

  static Map<String, List<int[]>> byClient(Drawn d) {
    Map<String, Integer> counts = new HashMap<>();
    // A consumer asks for the topics that somebody subscribes to, and no others.
    for (int t = 0; t < d.topics.size(); t++) {
      int topic = t;
      if (d.subscriptions.stream().anyMatch(s -> s.contains(topic))) counts.put(d.topics.get(t), d.partitions.get(t));
    }
    Map<String, Subscription> subscriptions = new HashMap<>();
    for (int m = 0; m < d.ids.size(); m++) {
      List<TopicPartition> owned = d.owned.get(m).stream()
          .map(x -> new TopicPartition(d.topics.get(x[0]), x[1])).collect(Collectors.toList());
      List<String> topics = d.subscriptions.get(m).stream().map(d.topics::get).collect(Collectors.toList());
      boolean none = d.kind.equals("sticky") && d.generations[m] < 0;
      ByteBuffer userData = null;
      if (d.kind.equals("sticky") && !none) {
        StickyAssignor before = new StickyAssignor();
        before.onAssignment(new Assignment(owned),
            new ConsumerGroupMetadata("g", d.generations[m], d.ids.get(m), Optional.empty()));
        userData = before.subscriptionUserData(new HashSet<>(topics));
      }
      Subscription subscription = new Subscription(topics, userData, none ? Collections.emptyList() : owned,
          d.generations[m], Optional.empty());
      if (d.instances.get(m) != null) subscription.setGroupInstanceId(Optional.of(d.instances.get(m)));
      subscriptions.put(d.ids.get(m), subscription);
    }
    Map<String, List<int[]>> result = new HashMap<>();
    assign(d.kind, counts, subscriptions).forEach((id, own) -> result.put(id, own.stream()
        .map(tp -> new int[] {d.topics.indexOf(tp.topic()), tp.partition()}).collect(Collectors.toList())));
    return result;
  }

  static Map<String, List<TopicPartition>> assign(
      String kind, Map<String, Integer> counts, Map<String, Subscription> subscriptions) {
    switch (kind) {
      case "range":
        return new RangeAssignor().assign(counts, subscriptions);
      case "roundrobin":
        return new RoundRobinAssignor().assign(counts, subscriptions);
      case "sticky":
        return new StickyAssignor().assign(counts, subscriptions);
      default:
        Map<String, List<PartitionInfo>> infos = new HashMap<>();
        counts.forEach((topic, count) -> {
          List<PartitionInfo> list = new ArrayList<>();
          for (int p = 0; p < count; p++) list.add(new PartitionInfo(topic, p, null, new Node[0], new Node[0]));
          infos.put(topic, list);
        });
        return new CooperativeStickyAssignor().assignPartitions(infos, subscriptions);
    }
  }

  static String pairs(Collection<int[]> list) {
    return list.stream().map(x -> "[" + x[0] + "," + x[1] + "]").collect(Collectors.joining(",", "[", "]"));
  }

  static String line(Drawn d, Map<String, List<int[]>> assigned) {
    StringBuilder b = new StringBuilder("{\"assignor\":\"" + d.kind + "\",\"topics\":[");
    for (int t = 0; t < d.topics.size(); t++)
      b.append(t > 0 ? "," : "").append("[\"" + d.topics.get(t) + "\"," + d.partitions.get(t) + "]");
    b.append("],\"members\":[");
    for (int m = 0; m < d.ids.size(); m++) {
      List<int[]> own = assigned.get(d.ids.get(m));
      own.sort((x, y) -> x[0] != y[0] ? x[0] - y[0] : x[1] - y[1]);
      b.append(m > 0 ? "," : "").append("{\"id\":\"" + d.ids.get(m) + "\"");
      if (d.instances.get(m) != null) b.append(",\"instance\":\"" + d.instances.get(m) + "\"");
      b.append(",\"topics\":" + d.subscriptions.get(m).toString().replace(" ", ""));
      b.append(",\"generation\":" + d.generations[m]);
      b.append(",\"owned\":" + pairs(d.owned.get(m)));
      b.append(",\"assigned\":" + pairs(own) + "}");
    }
    return b.append("]}").toString();
  }
}
