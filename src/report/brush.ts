/**
 * The page's one script: a window of time, set by dragging over a chart, by two fields, or by the page's address (`#t=5,12`, in the unit of the axes), is marked in every chart,
 * or all of them show it alone; the readings below the charts are those of the window, straight between two points as the lines are. It reads what the page holds and asks for
 * nothing; without it the page says the same of the whole time.
 */
export const brushScript = `(()=>{'use strict';
const box=document.getElementById('brush');if(!box)return;
box.hidden=false;
const last=Number(box.dataset.last),unit=box.dataset.unit;
const [from,to,alone]=box.querySelectorAll('input');
const svgNs='http://www.w3.org/2000/svg';
const make=(name,values)=>{const e=document.createElementNS(svgNs,name);for(const k in values)e.setAttribute(k,values[k]);return e;};
const shift=/translate\\(([-\\d.e]+)/;
// What the window is, and what the charts show: the whole time, or the window alone.
let window_=[0,last],view=[0,last];
const charts=[...document.querySelectorAll('figure[data-left]')].map((figure,n)=>{
  const svg=figure.querySelector('svg'),left=+figure.dataset.left,width=+figure.dataset.width;
  const band=make('rect',{class:'band',x:left,width:0,y:0,height:'100%'});
  const clip=make('clipPath',{id:'window-'+n});
  clip.append(make('rect',{x:-4,y:-9999,width:width+8,height:99999}));
  const marks=[...svg.querySelectorAll('.role-mark')];
  for(const mark of marks){const around=make('g',{'clip-path':'url(#window-'+n+')'});mark.replaceWith(around);around.append(mark);}
  svg.append(clip,band);
  const place=e=>[e,e.getAttribute('transform')||'',+(shift.exec(e.getAttribute('transform'))||[0,0])[1]];
  const points=marks.filter(m=>m.classList.contains('mark-symbol')).flatMap(m=>[...m.children].map(place));
  const ticks=[...svg.querySelectorAll('[aria-label^="X-axis"] .role-axis-label text')].map(e=>[...place(e),e.textContent]);
  return {figure,svg,left,width,band,points,ticks,stretched:marks.filter(m=>!m.classList.contains('mark-symbol'))};
});
const whole=([a,b])=>a<=0&&b>=last;
function show(c){
  const [a,b]=view,k=last/(b-a),x0=a/last*c.width;
  for(const mark of c.stretched)mark.setAttribute('transform','scale('+k+',1) translate('+-x0+',0)');
  for(const [e,transform,x] of c.points)e.setAttribute('transform',transform.replace(shift,'translate('+(x-x0)*k));
  const digits=Math.max(0,Math.min(4,2-Math.floor(Math.log10(b-a))));
  for(const [e,,x,text] of c.ticks)e.textContent=whole(view)?text:String(+(a+x/c.width*(b-a)).toFixed(digits));
}
function mark(c,[a,b]){
  const at=t=>Math.max(0,Math.min(c.width,(t-view[0])/(view[1]-view[0])*c.width));
  const all=a<=view[0]&&b>=view[1];
  c.band.setAttribute('x',c.left+at(a));c.band.setAttribute('width',all?0:Math.max(1,at(b)-at(a)));
}
const text=(v,u)=>u==='ratio'?(v*100).toPrecision(4)*1+' %':(+v.toPrecision(4))+(u?' '+u:'');
function read({figure},[a,b]){
  for(const row of figure.querySelectorAll('tbody tr')){
    const points=JSON.parse(row.dataset.points);let low=Infinity,high=-Infinity,end=null;
    const take=v=>{low=Math.min(low,v);high=Math.max(high,v);end=v;};
    for(let i=2;i<points.length;i+=2){
      const [t,v,u,w]=points.slice(i-2,i+2);if(u<a||t>b)continue;
      const at=x=>u>t?v+(w-v)*(x-t)/(u-t):w;
      take(t<a?at(a):v);take(u>b?at(b):w);
    }
    [low,high,end].forEach((v,i)=>{row.cells[i+1].textContent=end===null?'-':text(v,row.dataset.unit);});
  }
}
function set(a,b,dragging){
  a=Math.max(0,Math.min(a,last));b=Math.max(a,Math.min(b,last));window_=[a,b];
  from.value=a.toFixed(2);to.value=b.toFixed(2);
  if(!dragging){
    const next=alone.checked&&b>a?window_:[0,last];
    if(next[0]!==view[0]||next[1]!==view[1]){view=next;charts.forEach(show);}
  }
  for(const c of charts){mark(c,window_);if(!whole(window_)||c.read){read(c,window_);c.read=true;}}
  box.querySelector('output').textContent=whole(window_)?'the whole time':a.toFixed(2)+' to '+b.toFixed(2)+' '+unit;
}
const typed=()=>set(+from.value||0,+to.value||last);
for(const input of [from,to,alone])input.addEventListener('change',typed);
box.querySelector('button').addEventListener('click',()=>set(0,last));
for(const c of charts){
  let start=null;
  const at=e=>{const r=c.svg.getBoundingClientRect(),x=(e.clientX-r.left)*c.svg.viewBox.baseVal.width/r.width-c.left;
    return view[0]+Math.max(0,Math.min(1,x/c.width))*(view[1]-view[0]);};
  c.svg.addEventListener('pointerdown',e=>{if(e.button===0)start=at(e);});
  c.svg.addEventListener('pointermove',e=>{if(start===null)return;if(!c.svg.hasPointerCapture(e.pointerId))try{c.svg.setPointerCapture(e.pointerId);}catch{}
    set(Math.min(start,at(e)),Math.max(start,at(e)),true);});
  const end=e=>{if(start===null)return;const t=at(e);if(Math.abs(t-start)<(view[1]-view[0])/500)set(0,last);else set(Math.min(start,t),Math.max(start,t));start=null;};
  c.svg.addEventListener('pointerup',end);c.svg.addEventListener('pointercancel',end);
}
const hash=/^#t=([\\d.]+),([\\d.]+)(,alone)?$/.exec(location.hash);
if(hash){alone.checked=hash[3]!==undefined;set(+hash[1],+hash[2]);}else set(0,last);
})();`;
