/// The script of pages that show what changes. Without it they are complete and still.
enum Script {
    static let text = #"""
        "use strict";
        (() => {
          const body = document.body;
          document.addEventListener("submit", (event) => {
            const question = event.target.dataset.confirm;
            if (question && !window.confirm(question)) event.preventDefault();
          });
          if (!body.dataset.live || !window.EventSource) return;

          let timer = null;
          let busy = false;
          let again = false;

          // The element of a fresh part that stands for the one with the focus.
          function counterpart(fresh, active) {
            if (active.id) return fresh.querySelector("#" + CSS.escape(active.id));
            const href = active.getAttribute("href");
            return href ? fresh.querySelector('[href="' + CSS.escape(href) + '"]') : null;
          }

          function replace(part, fresh) {
            if (part.innerHTML === fresh.innerHTML) return;
            const active = document.activeElement;
            const holdsFocus = active && active !== body && part.contains(active);
            const isTyping = holdsFocus && active.tagName === "INPUT";
            if (isTyping || part.querySelector("input:checked")) return;
            const heir = holdsFocus ? counterpart(fresh, active) : null;
            part.replaceWith(document.adoptNode(fresh));
            if (heir) heir.focus({ preventScroll: true });
          }

          async function refresh() {
            if (busy) { again = true; return; }
            busy = true;
            try {
              const answer = await fetch(location.href, { headers: { Accept: "text/html" }, credentials: "same-origin" });
              if (answer.redirected) { location.reload(); return; }
              if (!answer.ok) return;
              const page = new DOMParser().parseFromString(await answer.text(), "text/html");
              for (const part of document.querySelectorAll("[data-part]")) {
                const fresh = page.getElementById(part.id);
                if (fresh) replace(part, fresh);
              }
              document.title = page.title;
            } catch { /* The next event tries again. */ } finally {
              busy = false;
              if (again) { again = false; later(); }
            }
          }

          function later() {
            if (timer) return;
            timer = setTimeout(() => { timer = null; refresh(); }, 1000);
          }

          function concerns(data) {
            if (!body.dataset.sync) return true;
            try {
              const sync = JSON.parse(data).sync;
              return !sync || sync === body.dataset.sync;
            } catch { return true; }
          }

          const pulse = document.getElementById("pulse");
          function show(isOn) {
            pulse.hidden = false;
            pulse.textContent = isOn ? "live" : "offline";
            pulse.classList.toggle("off", !isOn);
          }

          const source = new EventSource("/api/v1/events");
          const names = ["run_started", "progress", "run_ended", "tick", "paused", "reloaded", "reload_refused", "problem", "solved"];
          for (const name of names) source.addEventListener(name, (event) => { if (concerns(event.data)) later(); });
          source.onopen = () => { show(true); later(); };
          source.onerror = () => show(false);
          // "in 12 min" grows old by itself, and the state of a stream sooner.
          const every = Number(body.dataset.every) || 30;
          setInterval(() => { if (!document.hidden) later(); }, every * 1000);
        })();
        """#
}
