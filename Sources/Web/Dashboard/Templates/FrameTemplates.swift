/// What all pages share.
enum FrameTemplates {
    static let head = #"""
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <meta name="robots" content="noindex">
        <title>{{frame.title}} · Rollcall</title>
        <link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' rx='4' fill='%23365fc9'/%3E%3Cpath d='M4 8.5l2.6 2.6L12 5.5' stroke='white' stroke-width='2' fill='none' stroke-linecap='round' stroke-linejoin='round'/%3E%3C/svg%3E">
        <link rel="stylesheet" href="/assets/rollcall.css?v={{frame.version}}">
        {{#frame.live}}<script src="/assets/rollcall.js?v={{frame.version}}" defer></script>{{/frame.live}}
        </head>
        <body{{#frame.live}} data-live="1"{{/frame.live}}{{#frame.every}} data-every="{{frame.every}}"{{/frame.every}}{{#frame.sync}} data-sync="{{frame.sync}}"{{/frame.sync}}>
        <a class="skip" href="#content">Skip to content</a>
        <header class="top"><div class="wide">
        <a class="brand" href="/"><svg viewBox="0 0 16 16" aria-hidden="true"><rect width="16" height="16" rx="4"/><path d="M4 8.5l2.6 2.6L12 5.5"/></svg>Rollcall</a>
        {{#frame.hasReceivers}}<nav class="places" aria-label="Pages"><a href="/"{{^frame.isOfReceivers}} aria-current="true"{{/frame.isOfReceivers}}>Syncs</a> <a href="/receivers"{{#frame.isOfReceivers}} aria-current="true"{{/frame.isOfReceivers}}>Receivers</a></nav>{{/frame.hasReceivers}}
        <span id="pulse" class="pulse" hidden></span>
        {{#frame.user}}<span class="user">{{frame.user}}{{^frame.isOperator}} (read only){{/frame.isOperator}}</span>{{/frame.user}}
        {{#frame.canLogOut}}<form method="post" action="/logout"><input type="hidden" name="token" value="{{frame.formToken}}"><button class="plain">Log out</button></form>{{/frame.canLogOut}}
        </div></header>
        <main id="content" class="wide">
        """#

    static let foot = #"""
        </main>
        <footer class="wide">All times are UTC. <a href="/api/v1/openapi.json">API</a> · <a href="/metrics">Metrics</a> · <a href="/readyz">Health</a></footer>
        </body>
        </html>
        """#

    static let error = #"""
        {{>head}}
        <section class="card narrow">
        <h1>{{heading}}</h1>
        <p>{{detail}}</p>
        {{#hint}}<p class="soft">{{>prose}}</p>{{/hint}}
        {{#runID}}<p><a href="/runs/{{runID}}">Show the run in the way</a></p>{{/runID}}
        <p><a href="{{back}}">Back</a></p>
        </section>
        {{>foot}}
        """#

    static let login = #"""
        {{>head}}
        <section class="card narrow">
        <h1>Log in</h1>
        {{#failed}}<p class="note bad" role="alert">This token is not valid.</p>{{/failed}}
        <form method="post" action="/login" class="stack">
        <input type="hidden" name="next" value="{{next}}">
        <label for="secret">Token</label>
        <input id="secret" name="secret" type="password" autocomplete="current-password" required autofocus>
        <button class="primary">Log in</button>
        </form>
        <p class="soft">Tokens come from <code>ROLLCALL_TOKENS</code> or <code>server.tokens</code> in the configuration.</p>
        </section>
        {{>foot}}
        """#
}
