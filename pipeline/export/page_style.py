"""How exported pages look, on light and on dark, on a phone and on a desk."""

CSS = """
:root { color-scheme: light dark; --ink: #1c1f23; --soft: #5d6570; --page: #fbfbfa; --card: #fff;
  --line: #e2e4e7; --tint: #eef1f5; --link: #1a5fb4; --warn: #8a5300; --warned: #fff4dd; }
@media (prefers-color-scheme: dark) { :root { --ink: #e7e9ec; --soft: #9aa3ae; --page: #14161a;
  --card: #1c1f24; --line: #31363d; --tint: #262b32; --link: #8ab8f5; --warn: #ffce85;
  --warned: #33290f; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0 auto; padding: 16px; max-width: 1040px; background: var(--page);
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
a { color: var(--link); text-decoration: none; }
a:hover { text-decoration: underline; }
h1 { font-size: 1.45rem; line-height: 1.25; margin: 0 0 4px; }
h2 { font-size: 1.12rem; margin: 30px 0 10px; }
h3 { font-size: 1rem; margin: 0; line-height: 1.35; }
p { margin: 6px 0; }
.soft { color: var(--soft); font-size: .87rem; }
time { font-variant-numeric: tabular-nums; }
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(104px, 1fr)); gap: 8px;
  margin: 16px 0; padding: 0; }
.numbers div, .card { background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  padding: 9px 11px; }
.numbers dt { color: var(--soft); font-size: .8rem; line-height: 1.3; }
.numbers dd { margin: 0; font-size: 1.05rem; font-variant-numeric: tabular-nums; }
.warnings { background: var(--warned); color: var(--warn); border-radius: 8px; margin: 12px 0;
  padding: 9px 11px 9px 28px; }
.chapters { list-style: none; margin: 0; padding: 0; }
.chapters li { display: flex; gap: 10px; padding: 3px 0; }
.chapters time { flex: none; min-width: 3.4em; }
.lane { display: grid; grid-template-columns: 66px 1fr; align-items: center; gap: 6px;
  margin: 3px 0; font-size: .8rem; line-height: 1.2; color: var(--soft); }
.lane svg { display: block; width: 100%; height: 20px; background: var(--tint);
  border-radius: 3px; }
.lane.high svg { height: 56px; }
.ticks { position: relative; height: 1.3em; }
.ticks span { position: absolute; white-space: nowrap; transform: translateX(-50%);
  font-variant-numeric: tabular-nums; }
.ticks span:first-child { transform: none; }
.ticks span:last-child { transform: translateX(-100%); }
.seen { display: grid; grid-template-columns: minmax(0, max-content) minmax(60px, 1fr) max-content;
  gap: 5px 10px; align-items: center; font-size: .9rem; }
.seen svg { display: block; width: 100%; height: 12px; border-radius: 2px; }
.scene { display: grid; gap: 4px 16px; grid-template-columns: minmax(0, 1fr); margin: 12px 0;
  scroll-margin-top: 8px; }
.scene:target { border-color: var(--link); }
.pictures { display: grid; grid-template-columns: 1fr 1fr; gap: 4px; align-content: start; }
.pictures img { display: block; width: 100%; height: auto; max-height: 330px; border-radius: 5px;
  object-fit: contain; background: var(--tint); }
.pictures img:first-child { grid-column: 1 / -1; }
.tags { display: flex; flex-wrap: wrap; gap: 5px; margin: 8px 0; padding: 0; list-style: none; }
.tags li { background: var(--tint); border-radius: 10px; padding: 1px 9px; font-size: .82rem; }
.said { margin: 8px 0 0; }
.said p { display: grid; grid-template-columns: 3.4em 1fr; gap: 8px; margin: 3px 0; }
.said time { color: var(--soft); font-size: .84rem; line-height: 1.8; }
.shown { border-left: 3px solid var(--line); padding-left: 9px; margin: 8px 0; font-size: .92rem; }
table { border-collapse: collapse; width: 100%; font-size: .85rem; }
th, td { text-align: left; padding: 4px 10px 4px 0; border-bottom: 1px solid var(--line);
  vertical-align: top; font-weight: normal; }
th { color: var(--soft); width: 30%; }
.films { display: grid; gap: 12px; grid-template-columns: repeat(auto-fill, minmax(min(100%,
  300px), 1fr)); padding: 0; list-style: none; }
.films img { display: block; width: 100%; border-radius: 5px; margin-bottom: 8px; }
@media (min-width: 720px) {
  .scene.pictured { grid-template-columns: 300px minmax(0, 1fr); }
  .lane { grid-template-columns: 84px 1fr; }
}
"""
