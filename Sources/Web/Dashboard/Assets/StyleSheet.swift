/// The style sheet of all pages.
enum StyleSheet {
    static let text = #"""
        :root{color-scheme:light dark;--back:#f5f6f8;--card:#fff;--text:#1a2230;--soft:#5a6678;--line:#e0e4ea;--mark:#365fc9;
        --mark-text:#fff;--good:#1d7a46;--good-back:#e3f4ea;--warn:#8a5a00;--warn-back:#fdf1d8;--bad:#b3261e;--bad-back:#fce8e6;
        --calm:#4b5768;--calm-back:#eaedf1;--run:#2450b5;--run-back:#e4ebfb;--in:#2f8f5b;--out:#c8702a}
        @media (prefers-color-scheme:dark){:root{--back:#11141a;--card:#1a1f28;--text:#e5e9f0;--soft:#9aa6b8;--line:#2b3340;
        --mark:#86a6ff;--mark-text:#0f1523;--good:#7fd6a2;--good-back:#17301f;--warn:#f1c46c;--warn-back:#352a12;--bad:#ff9c92;
        --bad-back:#3a1b19;--calm:#b4bfce;--calm-back:#262d38;--run:#a5bdff;--run-back:#1c2745;--in:#5fbf8a;--out:#e0955a}}
        *{box-sizing:border-box}
        body{margin:0;background:var(--back);color:var(--text);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;
        overflow-wrap:anywhere}
        .wide{max-width:1120px;margin:0 auto;padding:0 20px}
        a{color:var(--mark);text-underline-offset:2px;text-decoration-thickness:1px}
        :focus-visible{outline:2px solid var(--mark);outline-offset:2px;border-radius:4px}
        .skip{position:absolute;left:-999px}.skip:focus{left:8px;top:8px;background:var(--card);padding:8px;z-index:1}
        .top{background:var(--card);border-bottom:1px solid var(--line);margin-bottom:24px}
        .top .wide{display:flex;align-items:center;gap:14px;min-height:54px}
        .brand{font-weight:650;font-size:17px;color:var(--text);text-decoration:none;display:flex;gap:9px;align-items:center;
        margin-right:auto}
        .brand svg{width:22px;height:22px;fill:var(--mark)}
        .brand path{fill:none;stroke:var(--card);stroke-width:2;stroke-linecap:round;stroke-linejoin:round}
        .places{display:flex;gap:4px}.places a{padding:4px 10px;border-radius:8px;text-decoration:none;color:var(--soft)}
        .places a[aria-current]{color:var(--text);background:var(--calm-back)}
        .user,.pulse{color:var(--soft);font-size:13px}
        .pulse::before{content:"";display:inline-block;width:8px;height:8px;border-radius:50%;background:var(--in);margin-right:6px}
        .pulse.off::before{background:var(--soft)}
        h1{font-size:24px;line-height:1.25;margin:0 0 14px;font-weight:650}
        h2{font-size:16px;line-height:1.3;margin:0 0 10px;font-weight:600}
        .title{display:flex;align-items:center;gap:10px;flex-wrap:wrap;margin-bottom:10px}
        .title h1,.title h2{margin:0;min-width:0}.title h2{font-size:17px;flex:1 1 auto}.title h2 a{color:var(--text);text-decoration:none}
        .title h2 a:hover{text-decoration:underline}
        .crumbs{margin:0 0 6px;font-size:14px}
        .card{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:18px;margin:0 0 16px}
        .card.warn{border-color:var(--warn)}.card.narrow{max-width:440px;margin:40px auto}
        .cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(320px,100%),1fr));gap:16px;margin-bottom:16px}
        .cards .card{margin:0;display:flex;flex-direction:column}.cards dl{margin-top:auto}
        .figure{display:flex;justify-content:space-between;align-items:end;gap:12px;margin:2px 0 12px}
        .big{font-size:26px;font-weight:600;font-variant-numeric:tabular-nums;line-height:1.2}
        .spark{width:120px;height:32px}.spark path{fill:none;stroke:var(--mark);stroke-width:1.5;stroke-linejoin:round}
        dl{margin:0;display:grid;gap:6px}
        dl div{display:flex;justify-content:space-between;gap:14px}
        dt{color:var(--soft);flex:none}dd{margin:0;text-align:right;min-width:0;font-variant-numeric:tabular-nums}
        .facts dl{grid-template-columns:repeat(auto-fit,minmax(160px,1fr));gap:14px}
        .facts dl div{display:block}.facts dd{text-align:left}
        .columns{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(300px,100%),1fr));gap:16px;margin-bottom:16px}
        .columns .card{margin:0}
        .charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(300px,100%),1fr));gap:16px;margin-bottom:16px}
        .charts .card{margin:0;padding:14px}
        figcaption{font-weight:600;font-size:14px;margin-bottom:6px}
        .chart{display:block;width:100%;height:auto}
        .chart .grid{stroke:var(--line)}.chart .axis{fill:var(--soft);font-size:10px}.chart .end{text-anchor:end}
        .chart .line{fill:none;stroke:var(--mark);stroke-width:1.8;stroke-linejoin:round}.chart .area{fill:var(--mark);opacity:.1}
        .chart circle{fill:var(--mark)}.chart .in{fill:var(--in)}.chart .out{fill:var(--out)}.chart .rest{fill:var(--soft);opacity:.55}.chart .time{fill:var(--mark);opacity:.75}
        .badge{display:inline-block;border-radius:20px;padding:1px 10px;font-size:13px;font-weight:550;white-space:nowrap;
        background:var(--calm-back);color:var(--calm)}
        .badge.good{background:var(--good-back);color:var(--good)}.badge.warn{background:var(--warn-back);color:var(--warn)}
        .badge.bad{background:var(--bad-back);color:var(--bad)}.badge.run{background:var(--run-back);color:var(--run)}
        .note{border-radius:8px;padding:10px 14px;margin:0 0 12px;background:var(--calm-back)}.note p{margin:0}
        .note.bad{background:var(--bad-back);color:var(--bad)}.note.warn{background:var(--warn-back);color:var(--warn)}
        .note a,.note .soft{color:inherit}
        details summary{cursor:pointer;color:var(--mark);margin-bottom:6px}
        .soft{color:var(--soft)}.mono{font-family:ui-monospace,monospace;font-size:13px;margin:-6px 0 14px}
        code{font-family:ui-monospace,monospace;font-size:.9em;background:var(--calm-back);border-radius:4px;padding:1px 5px}
        code span{display:inline-block;max-width:100%}
        .scroll{overflow-x:auto}
        table{border-collapse:collapse;width:100%;font-size:14px}
        th,td{text-align:left;padding:7px 14px 7px 0;border-bottom:1px solid var(--line);vertical-align:top}
        th:last-child,td:last-child{padding-right:0}tr:last-child>*{border-bottom:0}
        thead th{color:var(--soft);font-weight:500;font-size:13px;white-space:nowrap}
        tbody th,.sum th[scope=row]{font-weight:400}.sum .total>*{font-weight:600;border-top:1px solid var(--soft)}
        .number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
        .scroll table{overflow-wrap:normal}.number+td:not(.number),.number+th:not(.number){padding-left:16px}
        td time,dd time{white-space:nowrap}.records td:nth-child(4){min-width:230px;overflow-wrap:anywhere}
        .person{min-width:210px;max-width:340px;overflow-wrap:anywhere}
        .received td{overflow-wrap:anywhere}.received td:nth-child(2){min-width:180px}.received .number{min-width:90px}
        .received td:last-child,.rejects td:nth-child(2){white-space:nowrap}.row+div{margin-top:14px}
        .rejects td:last-child{min-width:260px;overflow-wrap:anywhere}
        .steps{margin:0;padding-left:22px;display:grid;gap:8px}
        .legend{display:flex;gap:14px;flex-wrap:wrap;margin:6px 0 0;font-size:13px;color:var(--soft)}
        .legend span::before{content:"";display:inline-block;width:9px;height:9px;border-radius:2px;margin-right:6px;background:var(--soft);opacity:.55}
        .legend .in::before{background:var(--in);opacity:1}.legend .out::before{background:var(--out);opacity:1}
        bdi{unicode-bidi:isolate}
        .actions{display:flex;gap:10px;flex-wrap:wrap;align-items:center;margin-top:16px}
        .actions form{display:flex;gap:10px;align-items:center;flex-wrap:wrap}
        button,.button{font:inherit;font-weight:550;border:1px solid var(--line);background:var(--card);color:var(--text);
        border-radius:8px;padding:7px 14px;cursor:pointer;text-decoration:none;display:inline-block}
        button:hover,.button:hover{border-color:var(--soft)}
        button.primary{background:var(--mark);border-color:var(--mark);color:var(--mark-text)}
        button.primary:hover{filter:brightness(1.08)}
        button.plain{border:0;background:none;color:var(--mark);padding:4px;font-weight:400;font-size:13px}
        .check{font-size:13px;color:var(--soft);display:flex;gap:6px;align-items:center}
        input{font:inherit;color:inherit;background:var(--back);border:1px solid var(--line);border-radius:8px;padding:8px 10px;
        min-width:0}
        input[type=checkbox]{width:16px;height:16px;accent-color:var(--mark)}
        .stack{display:grid;gap:8px}.row{display:flex;gap:10px;align-items:center;flex-wrap:wrap}.row input{flex:1 1 220px}
        .row+.soft{margin:10px 0 0;font-size:13px}
        progress{appearance:none;width:100%;height:8px;border:0;border-radius:8px;overflow:hidden;background:var(--calm-back);
        color:var(--mark);display:block;margin:4px 0 8px}
        ::-webkit-progress-bar{background:var(--calm-back)}::-webkit-progress-value{background:var(--mark)}
        ::-moz-progress-bar{background:var(--mark)}
        .live p{margin:0}.live{margin-bottom:12px}
        .filters{display:flex;gap:6px;flex-wrap:wrap;margin-bottom:10px;font-size:14px}
        .filters a{padding:3px 10px;border-radius:20px;border:1px solid var(--line);text-decoration:none}
        .filters a[aria-current]{background:var(--run-back);border-color:transparent;color:var(--run)}.filters .end{margin-left:auto}
        .plainlist{list-style:none;margin:0;padding:0;display:grid;gap:6px}
        footer{color:var(--soft);font-size:13px;padding-top:20px;padding-bottom:30px}
        @media (max-width:520px){.wide{padding:0 14px}.card{padding:14px}h1{font-size:21px}
        .actions,.actions form{align-items:stretch}.actions form,.actions .button,.actions button{width:100%;text-align:center}
        .actions .check{width:100%}.user{display:none}
        .top .wide{flex-wrap:wrap;padding-top:8px;padding-bottom:8px}.places{order:1;width:100%}
        .received,.received tbody,.received tr{display:block}.received thead{display:none}
        .received tr{border-bottom:1px solid var(--line);padding:8px 0}.received tr:last-child{border:0}
        .received td,.received .number+td{display:block;border:0;padding:1px 0;min-width:0;max-width:none;text-align:left}
        .received td:empty{display:none}.received .number::before{content:"campaign "}
        .records,.records tbody,.records tr{display:block}.records thead,.records .number{display:none}
        .records tr{border-bottom:1px solid var(--line);padding:8px 0}.records tr:last-child{border:0}
        .records td,.records .number+td:not(.number){display:inline-block;border:0;padding:1px 10px 1px 0}.records .person{font-weight:550}
        .records .person,.records td:nth-child(4){display:block;max-width:none;min-width:0}}
        @media (prefers-reduced-motion:no-preference){.pulse:not(.off)::before{animation:pulse 2.4s ease-in-out infinite}
        @keyframes pulse{50%{opacity:.35}}}
        """#
}
