/**
 * The page's one script: a window of time, set by dragging over the timeline, by two fields, or by the page's address (`#t=5,12`, in the unit of the axes), is marked in every chart, and the
 * readings below the charts are those of the window, straight between two points as the lines are. It reads what the page holds and asks for nothing; without it the page says the same of the whole time.
 */
export const brushScript = `(()=>{'use strict';
const box=document.getElementById('brush');if(!box)return;
const last=Number(box.dataset.last),[from,to]=[...box.querySelectorAll('input')];box.hidden=false;
const figures=[...document.querySelectorAll('figure[data-left]')];
const svgNs='http://www.w3.org/2000/svg';
const text=(v,u)=>u==='ratio'?(v*100).toPrecision(4)*1+' %':(+v.toPrecision(4))+(u?' '+u:'');
function mark(figure,a,b){const svg=figure.querySelector('svg');let band=svg.querySelector('.band');
if(!band){band=document.createElementNS(svgNs,'rect');band.setAttribute('class','band');svg.append(band);}
const left=+figure.dataset.left,width=+figure.dataset.width,whole=a<=0&&b>=last;
band.setAttribute('x',left+a/last*width);band.setAttribute('width',whole?0:Math.max(1,(b-a)/last*width));
band.setAttribute('y',0);band.setAttribute('height','100%');}
function read(figure,a,b){const body=figure.querySelector('tbody');if(!body)return;
for(const row of body.rows){const points=JSON.parse(row.dataset.points);let low=Infinity,high=-Infinity,end=null;
const take=v=>{low=Math.min(low,v);high=Math.max(high,v);end=v;};
for(let i=2;i<points.length;i+=2){const t=points[i-2],v=points[i-1],u=points[i],w=points[i+1];if(u<a||t>b)continue;
const at=x=>u>t?v+(w-v)*(x-t)/(u-t):w;take(t<a?at(a):v);take(u>b?at(b):w);}
const u=row.dataset.unit,c=row.cells;c[1].textContent=end===null?'-':text(low,u);c[2].textContent=end===null?'-':text(high,u);c[3].textContent=end===null?'-':text(end,u);}}
function set(a,b){a=Math.max(0,Math.min(a,last));b=Math.max(a,Math.min(b,last));from.value=a.toFixed(2);to.value=b.toFixed(2);
for(const f of figures){mark(f,a,b);if(!(a<=0&&b>=last)||f.dataset.read){read(f,a,b);f.dataset.read='1';}}
box.querySelector('output').textContent=a<=0&&b>=last?'the whole time':a.toFixed(2)+' to '+b.toFixed(2)+' '+box.dataset.unit;}
for(const input of [from,to])input.addEventListener('change',()=>set(+from.value||0,+to.value||last));
box.querySelector('button').addEventListener('click',()=>set(0,last));
for(const figure of figures){const svg=figure.querySelector('svg');let start=null;
const at=e=>{const r=svg.getBoundingClientRect(),scale=svg.viewBox.baseVal.width/r.width;return ((e.clientX-r.left)*scale-figure.dataset.left)/figure.dataset.width*last;};
svg.addEventListener('pointerdown',e=>{start=at(e);svg.setPointerCapture(e.pointerId);});
svg.addEventListener('pointermove',e=>{if(start!==null)set(Math.min(start,at(e)),Math.max(start,at(e)));});
svg.addEventListener('pointerup',e=>{if(start!==null&&Math.abs(at(e)-start)<last/500)set(0,last);start=null;});}
const hash=/^#t=([\\d.]+),([\\d.]+)$/.exec(location.hash);set(hash?+hash[1]:0,hash?+hash[2]:last);
})();`;
