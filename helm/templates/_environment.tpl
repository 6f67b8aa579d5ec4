{{/* The settings of a service, as stack/settings.py names them. Takes (dict "root" $ "name" ... "service" ...). */}}
{{- define "oms.environment" -}}
{{- $values := .root.Values }}
- {name: OMS_SHARDS, value: {{ $values.shards | quote }}}
- {name: OMS_TOPIC_PARTITIONS, value: {{ $values.topicPartitions | quote }}}
- {name: OMS_TOPIC_REPLICAS, value: {{ $values.topicReplicas | quote }}}
- {name: OMS_TOPIC_RETENTION_DAYS, value: {{ $values.topicRetentionDays | quote }}}
{{- range $store := .service.stores }}
{{- $its := get $values.stores $store }}
{{- $secret := (get (include "oms.stores" $ | fromYaml) $store).secret }}
{{- $prefix := printf "OMS_%s" (upper $store) }}
{{- if eq $store "kafka" }}
- {name: {{ $prefix }}_BROKERS, value: {{ required "stores.kafka.bootstrap is missing: pass aws.json" $its.bootstrap | quote }}}
{{- else }}
- {name: {{ $prefix }}_HOST, value: {{ required (printf "stores.%s.host is missing: pass aws.json" $store) $its.host | quote }}}
- {name: {{ $prefix }}_PORT, value: {{ $its.port | quote }}}
{{- end }}
{{- if eq $store "postgres" }}
- {name: {{ $prefix }}_DATABASE, value: {{ $its.database | quote }}}
{{- end }}
- {name: {{ $prefix }}_CA, value: {{ $its.ca | quote }}}
- {name: {{ $prefix }}_USER, valueFrom: {secretKeyRef: {name: {{ $secret }}, key: username}}}
- {name: {{ $prefix }}_PASSWORD, valueFrom: {secretKeyRef: {name: {{ $secret }}, key: password}}}
{{- end }}
{{- range $variable, $key := .service.keys }}
- {name: {{ $variable }}, valueFrom: {secretKeyRef: {name: {{ $values.keysSecret }}, key: {{ $key }}}}}
{{- end }}
{{- with .service.http }}
- {name: OMS_API_HOST, value: "0.0.0.0"}
- {name: OMS_API_CERTIFICATE, value: /etc/oms/certificate/tls.crt}
- {name: OMS_API_KEY, value: /etc/oms/certificate/tls.key}
- {name: OMS_{{ upper .setting }}, value: {{ .port | quote }}}
{{- end }}
{{- if .service.instance }}
- {name: OMS_PROCESSOR_INSTANCE, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
{{- end }}
{{- with .service.volume }}
- {name: {{ .setting }}, value: {{ .path }}}
{{- end }}
{{- range $setting, $value := merge (.service.settings | default dict) $values.settings }}
- {name: OMS_{{ upper $setting }}, value: {{ $value | quote }}}
{{- end }}
{{- end }}
