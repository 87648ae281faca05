import java.util.*; import java.nio.ByteBuffer; import java.util.stream.*;
import org.apache.kafka.clients.consumer.*; import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.*;
import org.apache.kafka.common.*;
import org.apache.kafka.coordinator.group.assignor.*;
public class Record {
  static Random r = new Random(848);
  static String arr(Collection<int[]> c){ return c.stream().map(x->"["+x[0]+","+x[1]+"]").collect(Collectors.joining(",","[","]")); }
  public static void main(String[] a) throws Exception {
    StringBuilder out = new StringBuilder();
    String[] kinds = {"range","roundrobin","sticky","cooperative-sticky","uniform","server-range"};
    for (int n=0;n<Integer.parseInt(a[0]);n++) {
      String kind = kinds[n%6];
      int T = 1+r.nextInt(4), M = n % 60 >= 54 ? 30+r.nextInt(60) : 1+r.nextInt(9);
      List<String> topics = new ArrayList<>(); List<Integer> parts = new ArrayList<>();
      for (int t=0;t<T;t++){ topics.add("t"+(char)('a'+t)); parts.add(r.nextInt(5)==0? 0+1 : 1+r.nextInt(M>20?120:20)); }
      boolean equal = kind.equals("uniform") || r.nextInt(3)>0;
      boolean fresh = r.nextInt(3)==0 || kind.equals("range") || kind.equals("roundrobin");
      List<String> ids = new ArrayList<>(); for (int m=0;m<M;m++) ids.add("consumer-g"+r.nextInt(3)+"-"+(m+1)); Collections.shuffle(ids,r);
      List<List<Integer>> subs = new ArrayList<>(); List<String> inst = new ArrayList<>(); List<List<int[]>> owned = new ArrayList<>(); int[] gen=new int[M];
      for (int m=0;m<M;m++){ List<Integer> s=new ArrayList<>(); for(int t=0;t<T;t++) if(equal||r.nextInt(3)>0) s.add(t); if(s.isEmpty()) s.add(r.nextInt(T)); subs.add(s);
        inst.add(r.nextInt(4)==0 && (kind.equals("range")||kind.equals("roundrobin")) ? "i"+r.nextInt(1000)+"-"+m : null); owned.add(new ArrayList<>()); gen[m]=fresh?-1:(r.nextInt(8)==0?6:7); }
      if(!fresh){ // random previous owners; some partitions had none, some members come fresh
        boolean[] newcomer = new boolean[M]; for(int m=0;m<M;m++) newcomer[m]= r.nextInt(4)==0;
        int style=r.nextInt(2);
        for(int t=0;t<T;t++) for(int p=0;p<parts.get(t);p++){ if(r.nextInt(10)==0) continue; int m = style==0? r.nextInt(M) : (p+t)%M; if(newcomer[m]||!subs.get(m).contains(t)) continue; owned.get(m).add(new int[]{t,p}); 
          if(r.nextInt(40)==0 && kind.contains("sticky")){ int m2=r.nextInt(M); if(m2!=m&&!newcomer[m2]&&subs.get(m2).contains(t)) owned.get(m2).add(new int[]{t,p}); } }
        for(int m=0;m<M;m++) if(newcomer[m]) gen[m]=-1;
      }
      Map<String,List<int[]>> res = new HashMap<>();
      if(kind.equals("uniform")||kind.equals("server-range")){
        Map<Uuid,Integer> cnt=new HashMap<>(); List<Uuid> u=new ArrayList<>(); for(int t=0;t<T;t++){ u.add(new Uuid(0,t+1)); cnt.put(u.get(t),parts.get(t)); }
        Map<String,AssignmentMemberSpec> ms=new HashMap<>();
        for(int m=0;m<M;m++){ Map<Uuid,Set<Integer>> o=new HashMap<>(); for(int[] x:owned.get(m)) o.computeIfAbsent(u.get(x[0]),k->new HashSet<>()).add(x[1]);
          ms.put(ids.get(m), new AssignmentMemberSpec(Optional.empty(),Optional.empty(),subs.get(m).stream().map(u::get).collect(Collectors.toSet()),o)); }
        SubscribedTopicDescriber d=new SubscribedTopicDescriber(){ public int numPartitions(Uuid x){return cnt.getOrDefault(x,-1);} public Set<String> racksForPartition(Uuid x,int p){return Collections.emptySet();} };
        org.apache.kafka.coordinator.group.assignor.PartitionAssignor as = kind.equals("uniform")? new UniformAssignor(): new org.apache.kafka.coordinator.group.assignor.RangeAssignor();
        org.apache.kafka.coordinator.group.assignor.GroupAssignment g=as.assign(new AssignmentSpec(ms),d);
        for(String id:ids){ List<int[]> l=new ArrayList<>(); if(g.members().get(id)!=null) g.members().get(id).targetPartitions().forEach((k,v)->v.forEach(p->l.add(new int[]{u.indexOf(k),p}))); res.put(id,l);} 
      } else {
        Map<String,Integer> ppt=new HashMap<>(); for(int t=0;t<T;t++){ int tt=t; if(subs.stream().anyMatch(x->x.contains(tt))) ppt.put(topics.get(t),parts.get(t)); }
        Map<String,Subscription> s=new HashMap<>();
        for(int m=0;m<M;m++){ List<TopicPartition> o=new ArrayList<>(); for(int[] x:owned.get(m)) o.add(new TopicPartition(topics.get(x[0]),x[1]));
          List<String> st=subs.get(m).stream().map(topics::get).collect(Collectors.toList());
          ByteBuffer ud=null;
          if(kind.equals("sticky") && gen[m]>=0){ StickyAssignor sa=new StickyAssignor(); sa.onAssignment(new Assignment(o), new ConsumerGroupMetadata("g",gen[m],ids.get(m),Optional.empty())); ud=sa.subscriptionUserData(new HashSet<>(st)); }
          Subscription sub=new Subscription(st,ud,kind.equals("sticky")&&gen[m]<0?Collections.emptyList():o,gen[m],Optional.empty());
          if(inst.get(m)!=null) sub.setGroupInstanceId(Optional.of(inst.get(m)));
          s.put(ids.get(m),sub); }
        Map<String,List<TopicPartition>> g;
        if(kind.equals("range")) g=new org.apache.kafka.clients.consumer.RangeAssignor().assign(ppt,s);
        else if(kind.equals("roundrobin")) g=new RoundRobinAssignor().assign(ppt,s);
        else if(kind.equals("sticky")) g=new StickyAssignor().assign(ppt,s);
        else { CooperativeStickyAssignor c=new CooperativeStickyAssignor(); Map<String,List<PartitionInfo>> pi=new HashMap<>(); ppt.forEach((t,c2)->{List<PartitionInfo> l=new ArrayList<>(); for(int p=0;p<c2;p++) l.add(new PartitionInfo(t,p,null,new Node[0],new Node[0])); pi.put(t,l);}); g=c.assignPartitions(pi,s); }
        for(String id:ids) res.put(id,g.get(id).stream().map(tp->new int[]{topics.indexOf(tp.topic()),tp.partition()}).collect(Collectors.toList()));
      }
      StringBuilder b=new StringBuilder("{\"assignor\":\""+kind+"\",\"topics\":[");
      for(int t=0;t<T;t++) b.append(t>0?",":"").append("[\""+topics.get(t)+"\","+parts.get(t)+"]");
      b.append("],\"members\":[");
      for(int m=0;m<M;m++){ List<int[]> l=res.get(ids.get(m)); l.sort((x,y)->x[0]!=y[0]?x[0]-y[0]:x[1]-y[1]);
        b.append(m>0?",":"").append("{\"id\":\""+ids.get(m)+"\"").append(inst.get(m)!=null?",\"instance\":\""+inst.get(m)+"\"":"").append(",\"topics\":"+subs.get(m).toString().replace(" ","")).append(",\"generation\":"+gen[m]).append(",\"owned\":"+arr(owned.get(m))).append(",\"assigned\":"+arr(l)).append("}"); }
      b.append("]}"); out.append(b).append("\n");
    }
    System.out.print(out);
  }
}
