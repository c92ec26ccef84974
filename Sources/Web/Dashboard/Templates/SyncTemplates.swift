/// The pages about syncs.
enum SyncTemplates {
    static let badge = #"<span class="badge {{kind}}">{{words}}</span>"#

    static let prose =
        #"{{#parts}}{{#isCode}}<code>{{#words}}<span>{{text}}</span>{{gap}}{{/words}}</code>{{/isCode}}{{^isCode}}{{#words}}{{text}}{{/words}}{{/isCode}}{{/parts}}"#

    static let time = #"<time datetime="{{iso}}" title="{{exact}}">{{words}}</time>"#

    static let overview = #"""
        {{>head}}
        <h1>Syncs</h1>
        <div id="problems" data-part>
        {{#problems}}<p class="note bad" role="alert"><strong>{{subject}}</strong> {{message}}{{#hint}}<br><span class="soft">{{>prose}}</span>{{/hint}}</p>{{/problems}}
        </div>
        <div id="syncs" data-part>
        {{^cards}}<section class="card"><p>No sync is configured yet. Add one under <code>syncs</code> in <code>rollcall.yaml</code>; it appears here by itself.</p></section>{{/cards}}
        <div class="cards">
        {{#cards}}
        <article class="card sync">
        <div class="title"><h2><a href="{{link}}"><bdi>{{name}}</bdi></a></h2>{{#badge}}{{>badge}}{{/badge}}</div>
        {{#problem}}<p class="note bad">{{problem}}</p>{{/problem}}
        {{#isBehind}}<p class="note warn">More than 5 minutes behind.</p>{{/isBehind}}
        {{#held}}<p class="note warn">Held by a guard. <a href="{{held}}">Look at the plan</a></p>{{/held}}
        {{#live}}{{>live}}{{/live}}
        <div class="figure"><div><span class="big">{{members}}</span> <span class="soft">{{entries}}</span></div>
        {{#spark}}<svg class="spark" viewBox="0 0 120 32" role="img" aria-label="{{sizeName}} over the latest runs"><path d="{{spark}}"/></svg>{{/spark}}</div>
        <dl>
        <div><dt>Last run</dt><dd>{{#last}}<a href="{{link}}">{{status}}</a> {{#when}}{{>time}}{{/when}}{{/last}}{{^last}}{{noLast}}{{/last}}</dd></div>
        {{#stream}}<div><dt>Stream</dt><dd>{{stream}}</dd></div>{{/stream}}
        {{^stream}}<div><dt>Next run</dt><dd>{{#next}}{{>time}}{{/next}}{{^next}}{{nextWords}}{{/next}}</dd></div>
        <div><dt>Lateness</dt><dd>{{lateness}}</dd></div>{{/stream}}
        {{#hasTarget}}<div><dt>{{targetName}}</dt><dd><bdi>{{target}}</bdi></dd></div>{{/hasTarget}}
        <div><dt>Warehouse</dt><dd><bdi>{{warehouse}}</bdi></dd></div>
        </dl>
        </article>
        {{/cards}}
        </div></div>
        {{>foot}}
        """#

    static let live = #"""
        <div class="live">
        <progress {{#bar}}value="{{done}}" max="{{total}}"{{/bar}} aria-label="Progress"></progress>
        <p>{{words}}{{#rate}}, {{rate}}{{/rate}}{{#left}}, about {{left}} left{{/left}}</p>
        <p class="soft">{{requests}}</p>
        </div>
        """#

    static let sync = #"""
        {{>head}}
        <p class="crumbs"><a href="/">Syncs</a></p>
        <div id="state" data-part>
        <div class="title"><h1><bdi>{{name}}</bdi></h1>{{#badge}}{{>badge}}{{/badge}}</div>
        {{#problem}}<p class="note bad" role="alert">{{problem}}{{#hint}}<br><span class="soft">{{>prose}}</span>{{/hint}}</p>{{/problem}}
        {{#held}}<p class="note warn">A run is held by a guard; nothing was sent. <a href="{{held}}">Look at the plan, then approve or discard it</a></p>{{/held}}
        {{#running}}<section class="card"><h2><a href="{{running}}">Running now</a></h2>{{#live}}{{>live}}{{/live}}{{^live}}<p>In another process.</p>{{/live}}</section>{{/running}}
        <section class="card facts">
        <dl>
        <div><dt>{{entries}}</dt><dd class="big">{{members}}</dd></div>
        {{#streamLooks}}<div><dt>Streamed</dt><dd>{{streamLooks}}</dd></div>{{/streamLooks}}
        {{^streamLooks}}<div><dt>Next run</dt><dd>{{#next}}{{>time}}{{/next}}{{^next}}{{nextWords}}{{/next}}</dd></div>
        <div><dt>Schedule</dt><dd>{{schedule}}</dd></div>
        <div><dt>Lateness</dt><dd>{{lateness}}</dd></div>{{/streamLooks}}
        {{#hasTarget}}<div><dt>{{words.target}}</dt><dd><bdi>{{target}}</bdi></dd></div>{{/hasTarget}}
        <div><dt>From</dt><dd><bdi>{{source}}</bdi></dd></div>
        {{#stateWarehouse}}<div><dt>State in</dt><dd><bdi>{{stateWarehouse}}</bdi></dd></div>{{/stateWarehouse}}
        {{#events}}{{#readTo}}<div><dt>Read up to</dt><dd>{{readTo}}</dd></div>{{/readTo}}
        {{#readUpTo}}<div><dt>Read up to</dt><dd><time datetime="{{iso}}">{{words}}</time></dd></div>{{/readUpTo}}
        {{#sweep}}<div><dt>Last sweep</dt><dd>{{>time}}</dd></div>{{/sweep}}
        {{#late}}<div><dt>Found late</dt><dd>{{late}}</dd></div>{{/late}}
        {{#states}}<div><dt>{{name}}</dt><dd>{{count}}</dd></div>{{/states}}{{/events}}
        </dl>
        <div class="actions">
        {{#frame.isOperator}}
        {{#canRun}}<form method="post" action="{{link}}/run"><input type="hidden" name="token" value="{{frame.formToken}}"><button class="primary" id="run">Run now</button>{{#canSendAll}}<label class="check"><input type="checkbox" name="full" value="1"> send everything again</label>{{/canSendAll}}</form>{{/canRun}}
        {{#canPause}}<form method="post" action="{{link}}/pause"><input type="hidden" name="token" value="{{frame.formToken}}"><button id="pause">Pause the {{#streamLooks}}stream{{/streamLooks}}{{^streamLooks}}schedule{{/streamLooks}}</button></form>{{/canPause}}
        {{#canResume}}<form method="post" action="{{link}}/resume"><input type="hidden" name="token" value="{{frame.formToken}}"><button id="resume">Resume the {{#streamLooks}}stream{{/streamLooks}}{{^streamLooks}}schedule{{/streamLooks}}</button></form>{{/canResume}}
        {{/frame.isOperator}}
        {{#canAskWhy}}<a class="button" href="{{link}}/why">{{#isList}}Why is a person on the list?{{/isList}}{{^isList}}Why is a record as it is?{{/isList}}</a>{{/canAskWhy}}
        </div>
        </section>
        </div>
        <div id="stream" data-part>{{#stream}}{{>stream}}{{/stream}}</div>
        <div id="charts" data-part>{{#hasCharts}}<div class="charts">{{#charts}}<figure class="card"><figcaption>{{title}}</figcaption>{{>chart}}</figure>{{/charts}}</div>{{/hasCharts}}</div>
        <div id="runs" data-part>
        <section class="card"><h2>Runs</h2>
        {{^runs}}<p class="soft">{{noRuns}}</p>{{/runs}}
        {{#hasRuns}}<div class="scroll"><table>
        <thead><tr><th scope="col">Started</th><th scope="col">Status</th><th scope="col" class="number">{{words.People}}</th><th scope="col" class="number">{{words.Put}}</th>{{#words.hasRemovals}}<th scope="col" class="number">{{words.Removed}}</th>{{/words.hasRemovals}}<th scope="col" class="number">Failed</th><th scope="col" class="number">Took</th><th scope="col">By</th></tr></thead>
        <tbody>{{#runs}}<tr><td><a href="{{link}}">{{#when}}{{>time}}{{/when}}</a></td><td>{{#badge}}{{>badge}}{{/badge}}</td><td class="number">{{people}}</td><td class="number">{{entered}}</td>{{#words.hasRemovals}}<td class="number">{{left}}</td>{{/words.hasRemovals}}<td class="number">{{failed}}</td><td class="number">{{took}}</td><td>{{trigger}}</td></tr>
        {{/runs}}</tbody></table></div>{{/hasRuns}}
        {{#older}}<p><a href="{{older}}">Older runs</a></p>{{/older}}
        </section>
        {{#hasTicks}}<section class="card"><h2>Ticks of the schedule</h2><div class="scroll"><table>
        <thead><tr><th scope="col">Due</th><th scope="col">Outcome</th><th scope="col" class="number">Lateness</th><th scope="col">Run</th></tr></thead>
        <tbody>{{#ticks}}<tr><td>{{#due}}{{>time}}{{/due}}</td><td>{{#badge}}{{>badge}}{{/badge}}</td><td class="number">{{lateness}}</td><td>{{#link}}<a href="{{link}}">show</a>{{/link}}</td></tr>
        {{/ticks}}</tbody></table></div></section>{{/hasTicks}}
        </div>
        {{>foot}}
        """#

    static let stream = #"""
        <section class="card facts">
        <div class="title"><h2>Stream</h2>{{#badge}}{{>badge}}{{/badge}}</div>
        {{#isBehind}}<p class="note warn">It is more than 5 minutes behind.</p>{{/isBehind}}
        <p>{{sentence}}{{#heldRun}} <a href="{{heldRun}}">Look at the plan</a>{{/heldRun}}{{#run}} <a href="{{run}}">The run of this hour</a>{{/run}}</p>
        {{#problem}}<p class="note bad" role="alert"><strong>{{code}}</strong>: {{message}}<br>It begins again {{#again}}{{>time}}{{/again}}.</p>{{/problem}}
        <dl>
        {{#numbers}}<div><dt>Lag</dt><dd class="big">{{lag}}</dd></div>
        <div><dt>Rate</dt><dd class="big">{{rate}}</dd></div>
        <div><dt>Without an outcome</dt><dd class="big">{{backlog}}</dd></div>{{/numbers}}
        <div><dt>Notifications</dt><dd>{{notifications}}</dd></div>
        {{#looked}}<div><dt>Last look here</dt><dd>{{>time}}</dd></div>{{/looked}}
        </dl>
        </section>
        {{#hasCharts}}<div class="charts">{{#charts}}<figure class="card"><figcaption>{{title}}</figcaption>{{>chart}}</figure>{{/charts}}</div>{{/hasCharts}}
        """#

    static let chart = #"""
        <svg class="chart" viewBox="0 0 360 150" role="img" aria-label="{{label}}">{{#description}}<title>{{label}}</title><desc>{{description}}</desc>{{/description}}
        {{#lines}}<line class="grid" x1="44" y1="{{y}}" x2="356" y2="{{y}}"/><text class="axis end" x="38" y="{{textY}}">{{words}}</text>{{/lines}}
        {{#area}}<path class="area" d="{{area}}"/>{{/area}}{{#line}}<path class="line" d="{{line}}"/>{{/line}}
        {{#bars}}<rect class="{{kind}}" x="{{x}}" y="{{y}}" width="{{width}}" height="{{height}}" rx="1"><title>{{title}}</title></rect>{{/bars}}
        {{#dots}}<circle cx="{{x}}" cy="{{y}}" r="2"><title>{{title}}</title></circle>{{/dots}}
        <text class="axis" x="44" y="146">{{first}}</text><text class="axis end" x="356" y="146">{{last}}</text>
        </svg>
        """#

    static let why = #"""
        {{>head}}
        <p class="crumbs"><a href="/">Syncs</a> / <a href="{{link}}"><bdi>{{name}}</bdi></a></p>
        <h1>{{#isList}}Why is a person on the list, or not?{{/isList}}{{^isList}}Why is a record as it is?{{/isList}}</h1>
        <section class="card"><form method="post" action="{{link}}/why" class="row">
        <input type="hidden" name="token" value="{{frame.formToken}}">
        <label for="identifier">{{label}}</label>
        <input id="identifier" name="identifier" value="{{identifier}}" maxlength="1000" autocomplete="off" autocapitalize="none" spellcheck="false" required autofocus>
        <button class="primary">Look up</button>
        </form><p class="soft">Reads all rows once; that takes a while with many.</p></section>
        {{#result}}
        <section class="card"><h2>Next run</h2><p>{{next}}</p></section>
        <section class="card"><h2>{{#isList}}In the audience{{/isList}}{{^isList}}In the source{{/isList}}</h2>
        {{^rows}}<p class="soft">No row carries this {{#isList}}identifier{{/isList}}{{^isList}}{{#isEvents}}key or identifier{{/isEvents}}{{^isEvents}}key{{/isEvents}}{{/isList}}.</p>{{/rows}}
        <ul class="plainlist">{{#rows}}<li><bdi>{{who}}</bdi> {{#badge}}{{>badge}}{{/badge}} {{failure}}</li>{{/rows}}</ul></section>
        <section class="card"><h2>{{#isEvents}}Events{{/isEvents}}{{^isEvents}}On the snapshot{{/isEvents}}</h2>
        {{^members}}<p class="soft">{{#isList}}Not a member of this sync.{{/isList}}{{^isList}}Not known to this sync.{{/isList}}</p>{{/members}}
        <ul class="plainlist">{{#members}}<li><bdi>{{who}}</bdi> {{#badge}}{{>badge}}{{/badge}} since {{#since}}{{>time}}{{/since}} {{reason}}</li>{{/members}}</ul></section>
        {{#hasPeople}}<section class="card"><h2>People that events wait for</h2>
        <ul class="plainlist">{{#people}}<li><bdi>{{who}}</bdi>: {{words}}</li>{{/people}}</ul></section>{{/hasPeople}}
        <section class="card"><h2>What happened</h2>{{>records}}</section>
        {{/result}}
        {{>foot}}
        """#
}
