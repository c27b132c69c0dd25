"""The page of `bench report --html`: a folder that a browser opens from disk, without a server or network.

    page/
        index.html, page.css, *.js      the same for every report
        data/index.js                   places, tables of scores and of detection, where their rows come from
        data/scores-<k>.js              scores per image of table k, loaded when a reader asks for them
        data/worst-<k>.js               the images on which each method of table k loses most, likewise
        data/truth-<k>.js, boxes-<k>-<n>.js   labels of detection setup k, detections of its run n
        pictures/<place>/<method>/fused|colour/<id>.png
        thumbs/<place>/<method>/<id>.jpg
        figures/                        those of `--figures`
        files.txt                       all files written; the next report removes those that it does not write again

Scripts under `data/` call `provide(name, value)`, since a page from disk may not fetch. Names from results (methods,
ids, metrics) stand in lists, never as keys, and the page shows them as text only.
"""
