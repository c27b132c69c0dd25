"""`bench report --html`: a folder that a browser opens from disk, without a server or network.

    page/
        index.html, page.css, *.js      the same for every report
        data/index.js                   places, tables of scores and of detection, the provenance of their rows
        data/scores-<k>.js              scores per image of table k, loaded when they are looked at
        data/truth-<k>.js, boxes-<k>-<n>.js   labels of detection setup k, detections of its run n
        pictures/<place>/<method>/fused|colour/<id>.png
        thumbs/<place>/<method>/<id>.jpg
        figures/                        of `--figures`
        files.txt                       what was written: the next report removes what it does not write again

Scripts under `data/` call `provide(name, value)`, since pages from disk may not fetch. Names that come from results
(methods, ids, metrics) stand in lists and never as keys, and reach the page as text only.
"""
