/// The page about a run.
enum RunTemplates {
    static let run = #"""
        {{>head}}
        <p class="crumbs"><a href="/">Syncs</a> / <a href="{{syncLink}}"><bdi>{{sync}}</bdi></a></p>
        <div id="state" data-part>
        <div class="title"><h1>Run of {{when.exact}}</h1>{{#badge}}{{>badge}}{{/badge}}</div>
        <p class="soft mono">{{id}}, {{when.words}}</p>
        {{#error}}<div class="note bad" role="alert"><p><strong>{{code}}</strong>: {{message}}</p>{{#hint}}<p class="soft">{{>prose}}</p>{{/hint}}</div>{{/error}}
        {{#isHeld}}<section class="card warn"><h2>Held: nothing was sent</h2>
        <ul>{{#findings}}<li>{{.}}</li>{{/findings}}</ul>
        <p>The plan: <strong>{{planPut}}</strong> to {{words.put}}{{#words.hasRemovals}}, <strong>{{planRemove}}</strong> to {{words.remove}}{{/words.hasRemovals}}, {{unchanged}} unchanged{{#waiting}}, {{waiting}} waiting{{/waiting}}.</p>
        {{#hasPlan}}<details><summary>Which {{words.many}}</summary><div class="scroll"><table><thead><tr><th scope="col">Operation</th><th scope="col">Record</th><th scope="col"></th></tr></thead>
        <tbody>{{#plan}}<tr><td>{{operation}}</td><td class="person"><bdi>{{who}}</bdi></td><td>{{remark}}</td></tr>
        {{/plan}}</tbody></table></div>{{#planRest}}<p class="soft">and {{planRest}} more</p>{{/planRest}}</details>{{/hasPlan}}
        {{#frame.isOperator}}<div class="actions">
        <form method="post" action="{{link}}/approve" data-confirm="Carry out this plan as it was staged?"><input type="hidden" name="token" value="{{frame.formToken}}"><button class="primary" id="approve">Approve: carry it out as staged</button></form>
        <form method="post" action="{{link}}/discard" data-confirm="Drop this plan?"><input type="hidden" name="token" value="{{frame.formToken}}"><button id="discard">Discard: drop the plan</button></form>
        </div>{{/frame.isOperator}}</section>{{/isHeld}}
        {{#isRunning}}<section class="card"><h2>Running now</h2>{{#live}}{{>live}}{{/live}}{{^live}}<p>In another process; its numbers appear as they are written down.</p>{{/live}}
        {{#frame.isOperator}}<form method="post" action="{{link}}/cancel" data-confirm="{{cancelQuestion}}"><input type="hidden" name="token" value="{{frame.formToken}}"><button id="cancel">Cancel the run</button></form>{{/frame.isOperator}}</section>{{/isRunning}}
        <div class="columns">
        <section class="card"><h2>Rows</h2><table class="sum">
        <tr><th scope="row">Read</th><td class="number">{{rowsRead}}</td></tr>
        <tr><th scope="row">− invalid</th><td class="number">{{invalid}}</td></tr>
        <tr><th scope="row">− duplicates</th><td class="number">{{duplicates}}</td></tr>
        {{#excluded}}<tr><th scope="row">− left out</th><td class="number">{{excluded}}</td></tr>{{/excluded}}
        <tr class="total"><th scope="row">= {{words.many}}</th><td class="number">{{audience}}</td></tr>
        <tr><th scope="row">of them unchanged</th><td class="number">{{unchanged}}</td></tr>
        {{#late}}<tr><th scope="row">found late, by a sweep</th><td class="number">{{late}}</td></tr>{{/late}}
        {{#waiting}}<tr><th scope="row">waiting</th><td class="number">{{waiting}}</td></tr>{{/waiting}}
        </table></section>
        <section class="card"><h2>Changes</h2><div class="scroll"><table class="sum">
        <thead><tr><td></td><th scope="col" class="number">To {{words.put}}</th>{{#words.hasRemovals}}<th scope="col" class="number">To {{words.remove}}</th>{{/words.hasRemovals}}</tr></thead>
        <tbody>{{#operations}}<tr{{#isTotal}} class="total"{{/isTotal}}><th scope="row">{{name}}</th><td class="number">{{put}}</td>{{#words.hasRemovals}}<td class="number">{{remove}}</td>{{/words.hasRemovals}}</tr>{{/operations}}</tbody>
        </table></div></section>
        <section class="card"><h2>Run</h2><dl>
        <div><dt>Trigger</dt><dd>{{trigger}}</dd></div>
        <div><dt>{{words.target}}</dt><dd><bdi>{{target}}</bdi></dd></div>
        <div><dt>Took</dt><dd>{{took}}</dd></div>
        {{#reading}}<div><dt>Rows fetched</dt><dd>{{reading}}</dd></div>{{/reading}}
        <div><dt>Requests</dt><dd>{{requests}}</dd></div>
        <div><dt>Sent again</dt><dd>{{retried}}</dd></div>
        <div><dt>Rate-limited (429)</dt><dd>{{rateLimited}}</dd></div>
        </dl></section>
        </div>
        </div>
        <section class="card"><h2>Records</h2>
        <nav class="filters" aria-label="Filter by status">{{#filters}}<a href="{{link}}"{{#isCurrent}} aria-current="true"{{/isCurrent}}>{{words}}</a> {{/filters}}<a class="end" href="{{csv}}" download>CSV</a></nav>
        <div id="records" data-part>{{>records}}
        {{#next}}<p><a href="{{next}}">More</a></p>{{/next}}</div>
        </section>
        {{>foot}}
        """#

    static let records = #"""
        {{^records}}<p class="soft">No records.</p>{{/records}}
        {{#hasRecords}}<div class="scroll"><table class="records">
        <thead><tr><th scope="col">Record</th><th scope="col">Operation</th><th scope="col">Status</th><th scope="col">Why</th><th scope="col" class="number">HTTP</th><th scope="col" class="number">Attempts</th><th scope="col">When</th></tr></thead>
        <tbody>{{#records}}<tr><td class="person"><bdi>{{who}}</bdi></td><td>{{operation}}</td><td>{{#badge}}{{>badge}}{{/badge}}</td><td>{{#code}}<code>{{code}}</code> {{/code}}{{reason}}</td><td class="number">{{http}}</td><td class="number">{{attempts}}</td><td>{{#when}}{{>time}}{{/when}}</td></tr>
        {{/records}}</tbody></table></div>{{/hasRecords}}
        """#
}
