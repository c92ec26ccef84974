/// The pages about receivers. Nothing that was received becomes an address to follow.
enum ReceiverTemplates {
    static let overview = #"""
        {{>head}}
        <h1>Receivers</h1>
        <p class="soft">What Iterable sends back: opens, clicks, bounces, unsubscribes. The warehouse keeps it as rows of <code>iterable_events</code>.</p>
        <div id="receivers" data-part>
        {{^cards}}<section class="card"><p>No receiver is configured. Add one under <code>receivers</code> in <code>rollcall.yaml</code>, and start <code>rollcall serve</code> again.</p></section>{{/cards}}
        <div class="cards">
        {{#cards}}
        <article class="card sync">
        <div class="title"><h2><a href="{{link}}"><bdi>{{name}}</bdi></a></h2>{{#badge}}{{>badge}}{{/badge}}</div>
        {{#problem}}<p class="note bad">{{problem}}</p>{{/problem}}
        <div class="figure"><div><span class="big">{{kept}}</span> <span class="soft">events today</span></div></div>
        <dl>
        <div><dt>Latest event</dt><dd>{{#latest}}{{>time}}{{/latest}}{{^latest}}{{latestWords}}{{/latest}}</dd></div>
        <div><dt>Left out today</dt><dd>{{leftOut}}</dd></div>
        <div><dt>Refused today</dt><dd>{{refused}}</dd></div>
        {{#spool}}<div><dt>Waiting on disk</dt><dd>{{spool}}</dd></div>{{/spool}}
        <div><dt>Path</dt><dd><bdi>{{path}}</bdi></dd></div>
        </dl>
        </article>
        {{/cards}}
        </div></div>
        {{>foot}}
        """#

    static let receiver = #"""
        {{>head}}
        <p class="crumbs"><a href="/receivers">Receivers</a></p>
        <div id="state" data-part>
        <div class="title"><h1><bdi>{{name}}</bdi></h1>{{#badge}}{{>badge}}{{/badge}}</div>
        {{#findings}}<div class="note {{kind}}"{{#isBad}} role="alert"{{/isBad}}><p>{{message}}</p>{{#hint}}<p class="soft">{{>prose}}</p>{{/hint}}</div>{{/findings}}
        {{#setup}}<section class="card"><h2>Nothing has come yet: set it up in Iterable</h2>
        <ol class="steps">{{#steps}}<li>{{words}}{{#code}} <code><bdi>{{code}}</bdi></code>{{/code}}{{rest}}</li>{{/steps}}</ol></section>{{/setup}}
        <section class="card facts">
        <dl>
        <div><dt>Events today</dt><dd class="big">{{today}}</dd></div>
        <div><dt>Latest event</dt><dd>{{#latest}}{{>time}}{{/latest}}{{^latest}}{{latestWords}}{{/latest}}</dd></div>
        {{#withUserID}}<div><dt>With a userId</dt><dd>{{withUserID}}</dd></div>{{/withUserID}}
        {{#spool}}<div><dt>Waiting on disk</dt><dd>{{spool}}</dd></div>{{/spool}}
        <div><dt>Path</dt><dd><bdi>{{path}}</bdi></dd></div>
        <div><dt>Warehouse</dt><dd><bdi>{{warehouse}}</bdi></dd></div>
        {{#destination}}<div><dt>Destination</dt><dd><bdi>{{destination}}</bdi></dd></div>{{/destination}}
        <div><dt>Keeps</dt><dd>{{keeps}}</dd></div>
        <div><dt>Identifiers</dt><dd>{{identifiers}}</dd></div>
        </dl>
        </section>
        </div>
        <div id="charts" data-part>{{#hasCharts}}<div class="charts">{{#charts}}<figure class="card"><figcaption>{{title}}</figcaption>{{>chart}}
        <p class="legend"><span class="in">kept</span> <span class="rest">left out</span> <span class="out">refused</span></p></figure>{{/charts}}</div>
        <section class="card"><h2>Requests</h2><div class="scroll"><table class="sum">
        <thead><tr><td></td><th scope="col" class="number">Last 24 hours</th><th scope="col" class="number">Last 7 days</th></tr></thead>
        <tbody>{{#outcomes}}<tr><th scope="row">{{words}}</th><td class="number">{{day}}</td><td class="number">{{week}}</td></tr>
        {{/outcomes}}</tbody></table></div></section>{{/hasCharts}}</div>
        <section class="card"><h2>Newest events</h2>
        <form method="get" action="{{link}}" class="row">
        <label for="event">Event</label>
        <input id="event" name="event" value="{{event}}" maxlength="1000" autocomplete="off" autocapitalize="none" spellcheck="false" list="names">
        <datalist id="names">{{#names}}<option value="{{.}}"></option>{{/names}}</datalist>
        <button>Show</button>
        </form>
        <div id="events" data-part>
        {{^events}}<p class="soft">{{noEvents}}</p>{{/events}}
        {{#hasEvents}}<div class="scroll"><table class="received">
        <thead><tr><th scope="col">Received</th><th scope="col">Event</th><th scope="col">Person</th><th scope="col" class="number">Campaign</th><th scope="col">Came</th></tr></thead>
        <tbody>{{#events}}<tr><td>{{#when}}{{>time}}{{/when}}</td><td><bdi>{{name}}</bdi>{{#url}}<br><span class="soft"><bdi>{{url}}</bdi></span>{{/url}}</td><td class="person"><bdi>{{who}}</bdi></td><td class="number">{{campaign}}</td><td>{{came}}</td></tr>
        {{/events}}</tbody></table></div>{{/hasEvents}}
        {{#next}}<p><a href="{{next}}">Older events</a></p>{{/next}}
        </div></section>
        <div id="rejects" data-part>{{#hasRejects}}<section class="card"><h2>Rejected bodies</h2>
        <p class="soft">Answered with 400, because they are no JSON object. The warehouse keeps the newest 1,000 in <code>iterable_rejects</code>.</p>
        <div class="scroll"><table class="rejects"><thead><tr><th scope="col">Received</th><th scope="col">Why</th><th scope="col">Begins with</th></tr></thead>
        <tbody>{{#rejects}}<tr><td>{{#when}}{{>time}}{{/when}}</td><td>{{reason}}</td><td><code><bdi>{{body}}</bdi></code></td></tr>
        {{/rejects}}</tbody></table></div></section>{{/hasRejects}}</div>
        {{>foot}}
        """#
}
