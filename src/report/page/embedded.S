// What a page brings with it, as bytes of the binary: src/report/page.cpp. The Makefile names the files.
.macro embedded name, files:vararg
  .global medley_\name
  medley_\name:
  .irp file, \files
  .incbin "\file"
  .endr
  .global medley_\name\()_end
  medley_\name\()_end:
  .byte 0
.endm

.section .rodata
embedded page_html, "src/report/page/page.html"
embedded page_css, "src/report/page/page.css"
embedded page_js, "src/report/page/data.js", "src/report/page/charts.js", "src/report/page/curves.js", "src/report/page/study.js", "src/report/page/model.js", "src/report/page/page.js"
embedded chart_js, "/usr/share/javascript/chart.js/chart.min.js"

.section .note.GNU-stack, "", %progbits
