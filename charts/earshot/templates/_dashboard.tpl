{{/* The dashboard's settings file, in the shape of dashboard/settings.py; its encoder is embed's unless it is told otherwise. */}}
{{- define "earshot.dashboard.config" -}}
{{- $sections := dict "lake" (include "earshot.platform.lake" . | fromYaml) "mongo" (include "earshot.platform.mongo" . | fromYaml) -}}
{{- with ((.Values.stages.embed).config | default dict).encoder -}}
{{- $_ := set $sections "encoder" (deepCopy .) -}}
{{- end -}}
{{- mustMergeOverwrite $sections (deepCopy (.Values.dashboard.config | default dict)) | toYaml -}}
{{- end -}}
